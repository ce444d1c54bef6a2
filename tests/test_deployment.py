"""The commands for more machines in practice/scaling: the manifest's form, and options that the program knows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from resnet_lib.__main__ import main

CHAPTER = Path(__file__).resolve().parent.parent / "book" / "practice" / "scaling.ipynb"
TEXT = "\n".join(cell.source for cell in nbformat.read(CHAPTER, as_version=4).cells if cell.cell_type == "markdown")
SCRIPTS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
[MANIFEST] = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def options(words: list[str]) -> list[str]:
    """The options that the program is given, after `-m resnet_lib train`, as separate words."""
    assert words[:3] == ["-m", "resnet_lib", "train"]
    return [part for word in words[3:] for part in word.split("=", 1)]


def given() -> list[list[str]]:
    found = []
    for script in SCRIPTS:
        words = shlex.split(script.replace("\\\n", " "), comments=True)
        found.append(options(words[words.index("-m"):]))
    container = yaml.safe_load(MANIFEST)["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]
    return found + [options(container["args"][container["args"].index("-m"):])]


@pytest.mark.parametrize("number", range(3))
def test_the_program_knows_every_option(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A depth that no network has is all that it complains of: what stands before has been understood."""
    words = given()[number]
    words[words.index("--depth") + 1] = "57"
    words[words.index("--data") + 1] = "digits"
    try:
        assert main(["train", *words, *(["--device", "cpu"] if "--device" in words else [])]) == 1
    except SystemExit as stopped:
        pytest.fail(f"{stopped}: {capsys.readouterr().err}")
    assert "6n+2" in capsys.readouterr().err


def check(value: Any, schema: dict[str, Any], place: str = "") -> None:
    """The part of JSON schema that is needed here, with what is not named refused."""
    assert isinstance(value, schema["type"]), place
    if schema["type"] is dict and "of" in schema:
        assert set(value) <= set(schema["of"]), (place, set(value) - set(schema["of"]))
        assert set(schema.get("needs", schema["of"])) <= set(value), place
        for key, entry in value.items():
            check(entry, schema["of"][key], f"{place}.{key}")
    for item in value if schema["type"] is list else []:
        check(item, schema["each"], f"{place}[]")


STRING, NUMBER, ANYTHING = {"type": str}, {"type": int}, {"type": dict}
POD = {"type": dict, "of": {"spec": {"type": dict, "of": {
    "containers": {"type": list, "each": {"type": dict, "of": {
        "name": STRING, "image": STRING,
        "command": {"type": list, "each": STRING}, "args": {"type": list, "each": STRING},
        "env": {"type": list, "each": {"type": dict, "of": {"name": STRING, "value": STRING}}},
        "resources": {"type": dict, "of": {"limits": ANYTHING}},
        "volumeMounts": {"type": list, "each": {"type": dict, "of": {"name": STRING, "mountPath": STRING}}}}}},
    "volumes": {"type": list, "each": {"type": dict, "of": {
        "name": STRING, "persistentVolumeClaim": {"type": dict, "of": {"claimName": STRING}}}}}}}}}
REPLICAS = {"type": dict, "of": {"replicas": NUMBER, "restartPolicy": STRING, "template": POD}}
PYTORCH_JOB = {"type": dict, "of": {  # fields and types as in kubeflow.org_pytorchjobs.yaml, version v1
    "apiVersion": STRING, "kind": STRING, "metadata": {"type": dict, "of": {"name": STRING}},
    "spec": {"type": dict, "of": {
        "runPolicy": {"type": dict, "of": {"backoffLimit": NUMBER}},
        "pytorchReplicaSpecs": {"type": dict, "of": {"Master": REPLICAS, "Worker": REPLICAS}}}}}}


def test_the_manifest_has_the_fields_of_a_pytorchjob() -> None:
    job = yaml.safe_load(MANIFEST)
    check(job, PYTORCH_JOB)
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    replicas = job["spec"]["pytorchReplicaSpecs"]
    assert all(part["restartPolicy"] in ("Always", "OnFailure", "Never", "ExitCode") for part in replicas.values())
    for part in replicas.values():
        spec = part["template"]["spec"]
        [container] = spec["containers"]
        assert container["name"] == "pytorch"  # the operator looks for this one
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
        assert f"--nnodes={replicas['Master']['replicas'] + replicas['Worker']['replicas']}" in container["args"]
        assert f"--nproc-per-node={container['resources']['limits']['nvidia.com/gpu']}" in container["args"]


@pytest.mark.parametrize("change", [("nProcs: 8", "backoffLimit: 3"), ('backoffLimit: "3"', "backoffLimit: 3"),
                                    ("containerName: pytorch", "name: pytorch")])
def test_a_wrong_manifest_is_seen(change: tuple[str, str]) -> None:
    with pytest.raises(AssertionError):
        check(yaml.safe_load(MANIFEST.replace(change[1], change[0])), PYTORCH_JOB)


def test_the_slurm_script_starts_as_many_processes_as_there_are_gpus() -> None:
    [script] = [script for script in SCRIPTS if "#SBATCH" in script]
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", script, re.MULTILINE))
    assert f"--nproc-per-node {asked['gpus-per-node']} " in script and asked["ntasks-per-node"] == "1"
