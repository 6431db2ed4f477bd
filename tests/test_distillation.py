"""A teacher: what the student learns from it, and what they must have in common."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint, load_checkpoint
from captcha_ocr.config import ConfigError
from captcha_ocr.imaging import normalise
from captcha_ocr.training.distillation import Teacher
from captcha_ocr.training.loop import fit
from captcha_ocr.training.objective import CTCObjective, ctc_loss
from captcha_ocr.training.run_folder import RunFolder
from PIL import Image
from small_models import small_checkpoint
from small_run import config_for, write_a_new_symbol

CPU = torch.device("cpu")


def teach(checkpoint: Checkpoint, channels: int = 1) -> Teacher:
    image = dataclasses.replace(checkpoint.image, channels=channels)
    return Teacher(checkpoint, checkpoint.charset, image, 4, CPU)


def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn_from_it() -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    teacher, images = teach(checkpoint), torch.rand(3, 1, 32, 64)
    logits = checkpoint.build()(images)
    torch.testing.assert_close(teacher.distance(images, logits), torch.zeros(3), atol=1e-5, rtol=0)
    other = logits.roll(1, dims=2)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=logits),
        torch.distributions.Categorical(logits=other),
    ).sum(dim=1)
    torch.testing.assert_close(teacher.distance(images, other), expected)


def test_the_teacher_is_neither_trained_nor_saved() -> None:
    teacher = teach(small_checkpoint("vanilla_crnn"))
    student = small_checkpoint("vanilla_crnn").build().train()
    classes = small_checkpoint("vanilla_crnn").charset.num_classes
    objective = CTCObjective(student, classes, 0.5, teacher, teacher_weight=1.0).train()
    alone = CTCObjective(student, classes, 0.5)
    assert objective.state_dict().keys() == alone.state_dict().keys()
    targets, lengths = torch.tensor([1, 2]), torch.tensor([1, 1])
    objective(torch.rand(2, 1, 32, 64), targets, lengths).sum().backward()
    assert all(parameter.grad is None for parameter in teacher.model.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters())
    assert not teacher.model.training


def test_the_teacher_has_its_share_of_the_recognisers_own_loss() -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    teacher, student = teach(checkpoint), small_checkpoint("vanilla_crnn").build()
    images, given = torch.rand(2, 1, 32, 64), (torch.tensor([1, 2]), torch.tensor([1, 1]))
    with torch.no_grad():
        student.rnn[-1].project.bias[3] += 2.0  # else it would answer as its teacher
        logits = student(images)
        own, apart = ctc_loss(logits, *given), teacher.distance(images, logits)
        objective = CTCObjective(student, checkpoint.charset.num_classes, 0.0, teacher, 0.25)
        torch.testing.assert_close(objective(images, *given), 0.75 * own + 0.25 * apart)


def test_a_teacher_that_knows_more_speaks_of_the_students_symbols_alone() -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    few = Charset(("文", "3", "="))
    images = torch.rand(2, 1, 32, 64)
    taught = Teacher(checkpoint, few, checkpoint.image, 4, CPU).log_probs(images)
    classes = [0, *checkpoint.charset.encode("文3=")]
    expected = checkpoint.build()(images).softmax(dim=2)[:, :, classes]
    expected = expected / expected.sum(dim=2, keepdim=True)
    torch.testing.assert_close(taught.exp(), expected)


def test_a_grey_teacher_sees_the_grey_that_pillow_makes() -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    pixels = np.random.default_rng(1).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
    colours, greys = (torch.from_numpy(normalise(x))[None] for x in (pixels, grey))
    taught = teach(checkpoint, channels=3).log_probs(colours)
    torch.testing.assert_close(taught, teach(checkpoint).log_probs(greys), atol=0.05, rtol=0)


def test_what_the_two_do_not_share_is_said(sample_set: Path, tmp_path: Path) -> None:
    first = RunFolder(tmp_path)
    fit(config_for(sample_set, epochs=1), first)
    config = config_for(sample_set, distill_from=str(first.best))
    smaller = dataclasses.replace(config.image, height=40)
    with pytest.raises(ConfigError, match="32 x 256 pixels, not 40 x 256; give --imgH 32 --imgW"):
        fit(dataclasses.replace(config, image=smaller), RunFolder(tmp_path))
    write_a_new_symbol(sample_set)
    with pytest.raises(ConfigError, match="the teacher does not know '零'"):
        fit(config, RunFolder(tmp_path))
    colours = small_checkpoint("svtr_tiny")
    grey = dataclasses.replace(colours.image, channels=1)
    with pytest.raises(ConfigError, match="the teacher reads colours"):
        Teacher(colours, colours.charset, grey, 4, CPU)
    narrower = dataclasses.replace(colours.image, max_width=128)
    with pytest.raises(ConfigError, match="32 x 256 pixels, not 32 x 128"):
        Teacher(colours, colours.charset, narrower, 4, CPU)
    with pytest.raises(ConfigError, match="one column of 4 pixels, the student of 8"):
        Teacher(colours, colours.charset, colours.image, 8, CPU)


def test_a_run_learns_from_a_teacher(sample_set: Path, tmp_path: Path) -> None:
    """With no weight on the labels, what it learns can only come from the teacher."""
    folders = [RunFolder(tmp_path / name) for name in ("teacher", "student", "fresh")]
    for folder in folders:
        folder.path.mkdir()
    teacher, student, fresh = folders
    fit(config_for(sample_set, epochs=1), teacher)
    alone = {"seed": 5, "aux_weight": 0.0, "ema": 0.0}
    taught = {**alone, "distill_from": str(teacher.best), "distill_weight": 1.0}
    fit(config_for(sample_set, epochs=8, **taught), student)
    fit(config_for(sample_set, epochs=1, lr=1e-12, **alone), fresh)
    images = torch.rand(4, 1, 32, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    taught_by = teach(load_checkpoint(teacher.best))
    with torch.no_grad():
        before, after = (
            taught_by.distance(images, load_checkpoint(folder.best).build()(images)).mean()
            for folder in (fresh, student)
        )
    assert after < before / 2


def test_a_teacher_of_colours_sees_them() -> None:
    """As svtr_tiny learns from svtr_tiny."""
    checkpoint, images = small_checkpoint("svtr_tiny"), torch.rand(2, 3, 32, 64)
    expected = checkpoint.build()(images).log_softmax(dim=2)
    torch.testing.assert_close(teach(checkpoint, channels=3).log_probs(images), expected)
