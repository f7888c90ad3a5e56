"""Every way to give a wrong model has one clear line, and no wait for torch where files show it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gadfly import GadflyError, InputError, ModelError, as_model
from gadfly_transformers import LocalChatModel, local_model


def refusal(model: str, **options: Any) -> GadflyError:
    """What a person is told, which has to be one line."""
    with pytest.raises(GadflyError) as caught:
        as_model(model, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_folder_that_does_not_exist_is_named() -> None:
    error = refusal("local:/no/such/folder")

    assert isinstance(error, InputError)
    assert str(error) == "there is no folder '/no/such/folder'"


def test_no_name_at_all_says_what_to_write() -> None:
    assert "local:FOLDER" in str(refusal("local:"))


def test_a_file_instead_of_its_folder_is_named(tiny_folder: Path) -> None:
    error = refusal(f"local:{tiny_folder / 'config.json'}")

    assert "is a file; give the folder" in str(error)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        pytest.param(["config.json"], "config.json", id="config"),
        pytest.param(["model.safetensors"], "weights (model.safetensors", id="weights"),
        pytest.param(
            ["tokenizer.json", "tokenizer_config.json"], "a tokenizer (tokenizer.json)", id="words"
        ),
    ],
)
def test_what_a_folder_lacks_is_named(copy_of_tiny: Path, files: list[str], missing: str) -> None:
    for file in files:
        (copy_of_tiny / file).unlink()

    error = refusal(f"local:{copy_of_tiny}")

    assert isinstance(error, InputError)
    assert f"missing: {missing}" in str(error)


def test_an_empty_folder_lacks_everything(tmp_path: Path) -> None:
    error = str(refusal(f"local:{tmp_path}"))

    assert "config.json, weights" in error
    assert "a tokenizer" in error


def test_a_missing_part_of_the_weights_is_named(copy_of_tiny: Path) -> None:
    (copy_of_tiny / "model.safetensors").rename(copy_of_tiny / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = copy_of_tiny / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": parts}))

    error = str(refusal(f"local:{copy_of_tiny}"))

    assert "missing: model-00002-of-00002.safetensors." in error


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param("config.json", b"{", id="half"),
        pytest.param("config.json", b"[]", id="list"),
        pytest.param("config.json", b"\xff\xfe", id="binary"),
        pytest.param("config.json", b"{}", id="no-type"),
    ],
)
def test_a_damaged_configuration_is_named(copy_of_tiny: Path, file: str, content: bytes) -> None:
    (copy_of_tiny / file).write_bytes(content)

    assert file in str(refusal(f"local:{copy_of_tiny}"))


def test_half_a_download_is_damaged(copy_of_tiny: Path) -> None:
    weights = copy_of_tiny / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])

    error = refusal(f"local:{copy_of_tiny}")

    assert isinstance(error, ModelError)
    assert f"{str(weights)!r} is damaged" in str(error)
    assert "copy or download it again" in str(error)


def test_a_pointer_of_git_lfs_is_recognised(copy_of_tiny: Path) -> None:
    pointer = "version https://git-lfs.example/spec/v1\noid sha256:00\nsize 5\n"
    (copy_of_tiny / "model.safetensors").write_text(pointer)

    assert "`git lfs pull` fetches them" in str(refusal(f"local:{copy_of_tiny}"))


def test_what_files_show_is_said_before_torch_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from gadfly import InputError, as_model\n"
        "try:\n"
        "    as_model('local:' + sys.argv[1])\n"
        "except InputError as error:\n"
        "    sys.exit('torch' in sys.modules or 'transformers' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)

    assert done.returncode == 0


@pytest.mark.model
def test_a_model_without_chat_template_says_what_to_do(copy_of_tiny: Path) -> None:
    (copy_of_tiny / "chat_template.jinja").unlink()

    error = refusal(f"local:{copy_of_tiny}")

    assert isinstance(error, InputError)
    assert "has no chat template" in str(error)
    assert "chat_template.jinja" in str(error)


@pytest.mark.model
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"num_hidden_layers": 3}, "9 tensors are missing", id="other-layers"),
        pytest.param({"hidden_size": 64}, "have another shape, such as", id="other-shapes"),
        pytest.param({"model_type": "nonsense"}, "has model type `nonsense`", id="unknown-type"),
        pytest.param({"model_type": "vit"}, "ViTConfig", id="not-a-language-model"),
        pytest.param(
            {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}},
            "it needs Python code of its own",
            id="own-code",
        ),
    ],
)
def test_a_model_that_does_not_load_says_why(
    copy_of_tiny: Path, edit_json: Callable[..., None], changes: dict[str, Any], message: str
) -> None:
    edit_json(copy_of_tiny / "config.json", **changes)

    error = refusal(f"local:{copy_of_tiny}")

    assert isinstance(error, ModelError)
    assert "does not load: " in str(error)
    assert message in str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"device": "nonsense"}, "there is no device 'nonsense'", id="device"),
        pytest.param({"dtype": "int3"}, "there is no dtype 'int3'", id="dtype"),
        pytest.param({"temperature": -0.5}, "temperature is -0.5", id="temperature"),
        pytest.param({"top_p": 1.5}, "top_p is 1.5", id="top_p"),
        pytest.param({"max_new_tokens": 0}, "allow at least 1", id="tokens"),
        pytest.param({"batch_size": 0}, "batch_size is 0", id="batch"),
        pytest.param({"threads": 0}, "threads is 0", id="threads"),
        pytest.param({"seed": -1}, "seed is -1", id="seed"),
        pytest.param({"colour": "red"}, "colour", id="unknown"),
    ],
)
def test_a_wrong_option_is_named(tiny_folder: Path, options: dict[str, Any], message: str) -> None:
    error = refusal(f"local:{tiny_folder}", **options)

    assert isinstance(error, InputError)
    assert message in str(error)


def test_a_gpu_that_is_not_there_is_named(tiny_folder: Path) -> None:
    import torch

    count = torch.cuda.device_count()

    error = refusal(f"local:{tiny_folder}", device=f"cuda:{count}")

    assert isinstance(error, InputError)
    assert f"device 'cuda:{count}'" in str(error)


@pytest.mark.gpu
def test_auto_takes_the_gpu(tiny_folder: Path, device_of: Callable[[LocalChatModel], str]) -> None:
    model = local_model(str(tiny_folder), max_new_tokens=2)

    assert device_of(model) == "cuda"
    assert model.invoke("Hi").text
