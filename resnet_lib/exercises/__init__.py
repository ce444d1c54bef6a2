"""Automatic checks of the readers' answers to the exercises.

A check takes an answer, prints what to look at, and returns a verdict: true when the answer is right. None or `...`
stands for an answer that has not been given yet. A check never raises for a wrong answer, whatever it is.
"""

from resnet_lib.exercises.checking import check
from resnet_lib.exercises.concepts import (
    class_means,
    confidence,
    convolution_matrix,
    diagnosis,
    fair_ratio,
    forget_bias,
    identity_filter,
    neuron_step,
    residual_block,
    zero_padding_shortcut,
)
from resnet_lib.exercises.mathematics import (
    batch_norm_backward,
    guarding_widths,
    leaky_growth,
    original_jacobian,
    paths_by_length,
    right_scale,
    tanh_gradients,
    two_unit_network,
    typical_gain,
)
from resnet_lib.exercises.networks import (
    ORIGINAL,
    block_test,
    border_share,
    calibration_error,
    chance_of_order,
    count_described,
    diagnosed,
    folded,
    honest_error,
    parameter_formula,
    parts_described,
    published,
    published_count,
    receptive_field,
    softmax_floor,
    spread,
    steady_test,
    train_step,
    where_is_the_step,
    which_blocks,
)
from resnet_lib.exercises.practice import (
    adjusted_logits,
    area_of_pairs,
    bearable_delay,
    best_of_many,
    equal_error,
    found_by_hand,
    honest_checkpoint,
    largest_rank,
    leave_out,
    loudest,
    majority,
    masked_mean,
    mended_attack,
    merged_kernel,
    moved_prevalence,
    only_the_last_stage,
    pairs_by_hand,
    promise_and_alarms,
    quantised_by_blocks,
    reading_window,
    ring_time,
    sound_numbers,
    states_shared,
    two_metres,
    what_fits,
    worst_margin,
    worth_of_an_alarm,
)
from resnet_lib.exercises.understanding import (
    mean_length,
    mirrored_filters,
    open_share,
    paths_left,
    relative_change,
)
