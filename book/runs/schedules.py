"""Three schedules of the learning rate, each at every rate of a grid, in a short and a long budget."""

import torch

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(schedule: str, epochs: int, learning_rate: float, seed: int) -> dict:
    network = networks.residual(8, in_channels=1, classes=10, seed=seed)
    try:
        history = training.fit(network, digits, epochs=epochs, learning_rate=learning_rate, seed=seed,
                               schedule={"constant": training.constant, "step": training.step,
                                         "one-cycle": training.one_cycle}[schedule])
    except training.TrainingDiverged:
        return {"diverged": True}
    return {"final_train_loss": history.final_train_loss, "test_loss": history.test_loss[-1],
            "test_error": history.test_error[-1]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("schedules", "Which schedule of the learning rate is best, each at its own best rate?",
                [{"schedule": schedule, "epochs": epochs, "learning_rate": rate, "seed": seed}
                 for seed in range(1, 11) for epochs in (1, 8) for schedule in ("constant", "step", "one-cycle")
                 for rate in (0.01, 0.03, 0.1, 0.3, 1.0)], measure)
