"""The thin package beside the book "Residual Networks, Measured".

Each module is a noun a reader would look for: `data`, `networks`, `training`, `gradients`,
`runs`, `plots`, `claims`, `exercises`. Import what you need, for example
`from resnet_lib import data, networks, training`.
"""

__version__ = "0.1.0"
