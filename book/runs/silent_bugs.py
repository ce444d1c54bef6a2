"""Twenty-two mistakes that no error message reports, five published variants and the healthy set-up: what a training of
three epochs shows of them, and what each instrument of `diagnosis.panel` reads before it.
"""

from resnet_lib import data, diagnosis, patients, runs

digits = data.load("digits")


def measure(condition: str, epochs: int, seed: int) -> dict:
    setup = patients.make(condition, digits, seed)
    panel = diagnosis.panel(setup, patients.build(seed))
    losses = setup.train(epochs=epochs, seed=seed)
    return {"train_loss": losses, "test_error": setup.test_error(),
            "readings": {reading.instrument: reading.value for reading in panel}, "alarms": panel.alarms}


if __name__ == "__main__":
    plan = [("healthy", seed) for seed in range(1, 31)]
    plan += [(condition, seed) for seed in range(1, 11) for condition in patients.CONDITIONS if condition != "healthy"]
    runs.record("silent_bugs", "Which mistakes show in the test error, and which instruments reveal them?",
                [{"condition": condition, "epochs": 3, "seed": seed} for condition, seed in plan], measure)
