"""The training loop, top to bottom: the parts of a run, its steps, evaluation, saving.

The recipe is for little compute: many small steps first, then a growing batch; an auxiliary CTC
head on the visual features, which takes training off the plateau where a CTC model writes nothing
but blanks; batches of equal width, so that nothing is padded to its neighbours.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint, load_checkpoint, load_weights, save_state
from captcha_ocr.config import ConfigError, TrainConfig, TrainingError
from captcha_ocr.datasets.ocr import Batch, load_batches
from captcha_ocr.datasets.prepare import prepare_data, settle_selection
from captcha_ocr.datasets.sampler import WidthBatches, growing_batch
from captcha_ocr.evaluation import evaluate
from captcha_ocr.models import build_model, count_parameters, model_arguments
from captcha_ocr.runtimes.torch import TorchPredictor
from captcha_ocr.training import resume_state
from captcha_ocr.training.distributed import World, join_world
from captcha_ocr.training.interrupt import Interrupt, Stop
from captcha_ocr.training.objective import build_objective
from captcha_ocr.training.optimisation import AveragedWeights, build_optimizer, learning_rate
from captcha_ocr.training.precision import AMP_TYPES, settle_amp, spell_amp
from captcha_ocr.training.run_folder import Progress, RunFolder


def fit(config: TrainConfig, folder: RunFolder, *, resume: bool = False) -> Stop:
    """Train; leaves ``best.safetensors`` and ``last.pt`` in the folder; returns why it stopped.

    Raises ConfigError, CharsetError or LabelError before the first step when the configuration
    and the data cannot work together.
    """
    with join_world(config.device) as world, Interrupt() as interrupt:
        run = Run(config, folder, world, resume)
        run.describe()
        saved = time.monotonic()
        started, deadline = saved - run.progress.seconds, saved + 60 * config.max_minutes
        stop = run.waited()  # a resumed run may have ended so
        for batch in () if stop else run.batches():
            run.train_step(batch)
            run.progress.seconds = time.monotonic() - started
            if run.evaluation_due():
                stop = run.evaluate()
            if not stop and config.max_minutes and time.monotonic() > deadline:
                stop = Stop(f"its {config.max_minutes:g} minutes are used up", unfinished=True)
            if interrupt.requested:
                stop = Stop("it was interrupted", unfinished=True, interrupted=True)
            if world.agree(stop is not None):
                break
            if time.monotonic() - saved > 60 * config.save_minutes:
                run.save()
                saved = time.monotonic()
        else:
            stop = stop or Stop(f"all {config.epochs:g} epochs are done")
        stop = stop or Stop("another process stopped", unfinished=True)
        if stop.unfinished:  # before an evaluation that the run would not have if it went on
            run.save()
            folder.set_best_aside()
        if run.progress.loss_count and not interrupt.requested:  # steps since the last evaluation
            run.evaluate()
        if not stop.unfinished:
            run.save()
        return stop


class Run:
    """The parts of a run, and the things one does with them."""

    def __init__(self, config: TrainConfig, folder: RunFolder, world: World, resume: bool) -> None:
        config = dataclasses.replace(config, amp=settle_amp(config.amp, world))
        config = dataclasses.replace(config, select_on=settle_selection(config))
        self.config, self.folder, self.world = config, folder, world
        folder.quiet |= not world.is_main  # the folder is everyone's, and one process writes it
        torch.manual_seed(config.seed)
        state = resume_state.read(folder.last) if resume else None
        begins = config.init_from and state is None  # a run that began has its weights in its state
        source = load_checkpoint(Path(config.init_from)) if begins else None
        known = source.charset if source else Charset(tuple(state["charset"])) if state else None
        self.data = prepare_data(config, known)
        self.digests = resume_state.digests(config, self.data)  # once: every save writes them
        classes = self.data.charset.num_classes
        model = self.model = build_model(config.arch, classes, config.image, config.model)
        if source is not None:
            load_weights(model, source, classes)
        self.objective = build_objective(model, config, self.data.charset, world.device)
        start = source.state if source else {}
        self.average = AveragedWeights(model, config.ema, config.blend, start)
        self.optimizer = build_optimizer(self.objective, config)
        self.amp = AMP_TYPES[config.amp]
        self.scaler = torch.amp.GradScaler(world.device.type, enabled=self.amp == torch.float16)
        self.progress = Progress()
        self.impossible = self.data.train.impossible(model.width_stride, model.min_steps)
        self.epoch_pictures = len(self.data.train) - len(self.impossible)
        self.total_pictures = max(1, round(config.epochs * self.epoch_pictures))
        self.evaluation_interval = config.eval_every or self.epoch_pictures
        if state is not None:
            resume_state.restore(self, state)
        world.part_ways(config.seed, self.progress.step)
        compute: nn.Module = self.objective
        if config.compile:
            compute = torch.compile(compute, dynamic=True)  # type: ignore[assignment]
        self.compute = DistributedDataParallel(compute) if world.size > 1 else compute

    def batches(self) -> Iterator[Batch]:
        """The rest of the run, epoch after epoch, from where progress stands."""
        config, progress, train = self.config, self.progress, self.data.train
        while progress.epoch < config.epochs:
            short_first = config.short_first and progress.epoch == 0
            sampler = WidthBatches(
                train.widths,
                partial(growing_batch, config),
                seed=config.seed,
                epoch=progress.epoch,
                first_step=progress.first_step,
                skip=progress.batch,
                leave_out=self.impossible,
                groups=train.store.groups,
                lengths=[*map(len, train.texts)] if short_first else None,
                rank=self.world.rank,
                world=self.world.size,
            )
            for batch in load_batches(train, sampler, config.num_workers, self.world.device):
                if progress.epoch + 1 > config.epochs and progress.pictures >= self.total_pictures:
                    return
                yield batch
            progress.epoch, progress.batch = progress.epoch + 1, 0
            progress.first_step = progress.step

    def train_step(self, batch: Batch) -> None:
        config, progress, device = self.config, self.progress, self.world.device
        rate = learning_rate(progress.pictures, self.total_pictures, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.objective.train()
        with torch.autocast(device.type, self.amp, enabled=self.amp != torch.float32):
            losses = self.compute(
                batch.images.to(device, non_blocking=True, memory_format=torch.channels_last),
                batch.targets.to(device),
                batch.target_lengths.to(device),
            )  # (N,)
        count = self.world.total(len(losses))
        # Gradients are averaged over processes; times their number, a picture weighs the same
        # in whichever it is read.
        loss = losses.sum() * self.world.size / count
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss is {loss.item()} at step {progress.step}; try a lower --lr, or --amp off"
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.objective.parameters(), config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(self.model)
        progress.batch += 1
        progress.step += 1
        progress.pictures += count
        progress.loss_sum += losses.detach().sum().item()
        progress.loss_count += len(losses)
        self.folder.on_step(progress, self.total_pictures, rate)

    def evaluation_due(self) -> bool:
        return self.progress.pictures // self.evaluation_interval > self.progress.evaluations

    def evaluate(self) -> Stop | None:
        """Read the selection set with the averaged weights; keep them when they are the best.

        Returns a reason to stop, or nothing. Only the main process reads and writes.
        """
        config, progress = self.config, self.progress
        progress.evaluations = progress.pictures // self.evaluation_interval
        train_loss = progress.loss_sum / max(1, progress.loss_count)
        progress.loss_sum, progress.loss_count = 0.0, 0
        if not self.world.is_main:
            return None
        checkpoint = self.checkpoint()
        evaluation = evaluate(TorchPredictor(checkpoint, self.world.device), self.data.selection)
        score = evaluation.score()
        right = score.exact_match_folded if config.fold_case else score.exact_match
        if is_best := progress.is_best(right, evaluation.loss):
            self.folder.save_best(checkpoint)
        row = {
            "epoch": progress.pictures / self.epoch_pictures,
            "pictures": progress.pictures,
            "seconds": progress.seconds,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": train_loss,
            "val_loss": evaluation.loss,
            "exact_match": score.exact_match,
            "exact_match_folded": score.exact_match_folded,
            "cer": score.cer,
        }
        progress.history.append(row)
        self.folder.on_evaluation(row, progress.history, is_best)
        return self.waited()

    def waited(self) -> Stop | None:
        most = self.config.patience
        waited = most and self.progress.since_best >= most
        return Stop(f"{most} evaluations brought nothing better") if waited else None

    def checkpoint(self) -> Checkpoint:
        """The averaged weights, with all it takes to read pictures with them."""
        return Checkpoint(
            arch=self.config.arch,
            model_config=model_arguments(self.config.arch, self.config.model),
            charset=self.data.charset,
            image=self.config.image,
            state=self.average.blended(),
            metrics={"pictures_seen": self.progress.pictures},
            train_config=dataclasses.asdict(self.config),
        )

    def save(self) -> None:
        if self.world.is_main:
            save_state(self.folder.last, resume_state.snapshot(self))

    def describe(self) -> None:
        """Say what will be done, and name what cannot be learned."""
        if not self.epoch_pictures:
            raise ConfigError("every picture is too narrow to learn from; raise --imgH or --imgW")
        config, folder, train = self.config, self.folder, self.data.train
        folder.on_start(config, self.progress)
        folder.say(
            f"{config.arch}: {count_parameters(self.model):,} parameters, {len(train):,} pictures, "
            f"{len(train.charset.symbols)} symbols, on {self.world.device} x {self.world.size}, "
            f"in {spell_amp(self.amp, self.world.device)}; {self.data.note}"
        )
        if self.impossible:
            labels = train.store.labels
            named = ", ".join(f"{labels[i].file} {labels[i].text!r}" for i in self.impossible[:5])
            folder.say(
                f"{len(self.impossible)} pictures have too few columns (width / "
                f"{self.model.width_stride}) for their label or for {config.arch} and are left "
                f"out: {named}; a larger --imgH or --imgW makes room"
            )
