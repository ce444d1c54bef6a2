"""What those need who have no MNIST: its first 76 test images, 24 confident mistakes of mnist.pt, and all test labels.

Needs MNIST (`make data DATA=mnist`), and the weights that book/runs/mnist.py writes.
"""

import base64
import zlib

import torch

from resnet_lib import data, runs, weights

mnist = data.load("mnist")
pixels = (mnist.pixels(mnist.test_images) * 255).round().to(torch.uint8)


@torch.no_grad()
def mistakes() -> list[int]:
    """Numbers of the test images that the network gets wrong, the most confident first."""
    network = weights.load().network
    confidence, answer = torch.cat([network(images) for images in mnist.test_images.split(256)]).softmax(1).max(1)
    wrong = (answer != mnist.test_labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True)].tolist()


def measure(image: int | str) -> dict:
    """Label, and 28×28 bytes, row by row, compressed by zlib and written in base64; or all labels in one word."""
    if image == "labels":
        return {"labels": "".join(map(str, mnist.test_labels.tolist()))}
    return {"label": int(mnist.test_labels[image]),
            "pixels": base64.b64encode(zlib.compress(pixels[image].numpy().tobytes(), 9)).decode()}


if __name__ == "__main__":
    chosen = [index for index in mistakes() if index >= 76][:24]
    runs.record("mnist_examples", "What do the images of MNIST look like, and which of them are hard?",
                [{"image": index} for index in [*range(76), *chosen, "labels"]], measure)
