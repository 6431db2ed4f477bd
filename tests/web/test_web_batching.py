"""Reading together: what a batch is made of, and what happens to those in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from captcha_ocr.web.batching import Batcher
from captcha_ocr.web.options import Options
from captcha_ocr.web.schemas import CharacterModel
from captcha_ocr.web.service import Service, Upload
from web_harness import barcode, make_service


class Model:
    """Doubles its arrays, notes the batches, and can be held."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.started = threading.Event()
        self.batches: list[list[float]] = []

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.started.set()
        self.go.wait(60)
        self.batches.append([float(array[0]) for array in arrays])
        return [2 * array for array in arrays]

    def batcher(self, most: int = 4, wait: float = 0.0, on_the_way: int = 0) -> Batcher:
        return Batcher(
            self,
            lanes=1,
            max_pictures=most,
            max_wait=wait,
            on_the_way=lambda: on_the_way,
            on_batch=lambda size: None,
        )


def one(value: float) -> np.ndarray:
    return np.array([value], np.float32)


@pytest.fixture
def held() -> Iterator[tuple[Model, Batcher]]:
    """A batcher whose model is busy with the picture 0, so that what follows must queue."""
    model = Model()
    batcher = model.batcher()
    model.go.clear()
    batcher.submit(one(0))
    assert model.started.wait(60)
    yield model, batcher
    model.go.set()
    batcher.close()


def test_what_waits_is_read_together(held: tuple[Model, Batcher]) -> None:
    model, batcher = held
    futures = [batcher.submit(one(i)) for i in range(1, 7)]
    model.go.set()
    assert [float(future.result(60)[0]) for future in futures] == [2, 4, 6, 8, 10, 12]
    assert model.batches == [[0], [1, 2, 3, 4], [5, 6]]


def test_only_equal_shapes_are_read_together(held: tuple[Model, Batcher]) -> None:
    model, batcher = held
    wide = np.array([9, 9], np.float32)
    futures = [batcher.submit(array) for array in (one(1), wide, one(2), wide, one(3))]
    model.go.set()
    assert [float(future.result(60)[0]) for future in futures] == [2, 18, 4, 18, 6]
    assert model.batches == [[0], [1, 2, 3], [9, 9]]


def test_lanes_work_side_by_side() -> None:
    meet = threading.Barrier(2, timeout=60)

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        meet.wait()  # passes only when another call is under way
        return list(arrays)

    batcher = Batcher(
        run, lanes=2, max_pictures=1, max_wait=0, on_the_way=lambda: 0, on_batch=lambda size: None
    )
    futures = [batcher.submit(one(i)) for i in range(4)]
    assert [float(future.result(60)[0]) for future in futures] == [0, 1, 2, 3]
    batcher.close()


def test_who_has_left_is_not_read(held: tuple[Model, Batcher]) -> None:
    model, batcher = held
    futures = [batcher.submit(one(i)) for i in (1, 2, 3)]
    assert futures[1].cancel()
    model.go.set()
    assert float(futures[2].result(60)[0]) == 6
    assert model.batches == [[0], [1, 3]]


def test_an_error_reaches_everyone_in_the_batch_and_nobody_else() -> None:
    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        if any(array[0] < 0 for array in arrays):
            raise RuntimeError("the model failed")
        return list(arrays)

    batcher = Batcher(
        run, lanes=1, max_pictures=1, max_wait=0, on_the_way=lambda: 0, on_batch=lambda size: None
    )
    bad, good = batcher.submit(one(-1)), batcher.submit(one(1))
    with pytest.raises(RuntimeError, match="the model failed"):
        bad.result(60)
    assert float(good.result(60)[0]) == 1
    batcher.close()


def test_it_waits_for_pictures_on_the_way() -> None:
    model = Model()
    batcher = model.batcher(most=2, wait=60, on_the_way=1)
    first = batcher.submit(one(1))
    second = batcher.submit(one(2))
    assert [float(f.result(60)[0]) for f in (first, second)] == [2, 4]
    assert model.batches == [[1, 2]]
    batcher.close()


def test_it_waits_for_nobody_when_nobody_comes() -> None:
    """max_wait is 600 s here: only not waiting at all lets this pass."""
    model = Model()
    batcher = model.batcher(wait=600, on_the_way=0)
    assert float(batcher.submit(one(1)).result(60)[0]) == 2
    batcher.close()


def test_closing_reads_what_is_queued(held: tuple[Model, Batcher]) -> None:
    model, batcher = held
    future = batcher.submit(one(3))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    model.go.set()
    closing.join(60)
    assert float(future.result(0)[0]) == 6
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit(one(4))


def test_a_reading_does_not_depend_on_its_company(two_models: Path) -> None:
    texts = ["1", "22", "7*3=?", "AB12", "中文", "0", "9-9=?", "bbbb"]
    pictures = [Upload(f"{i}.png", barcode(text)) for i, text in enumerate(texts)]
    alone = make_service(two_models, batch_max=1)
    together = make_service(two_models, batch_max=64, batch_wait_ms=50)
    try:
        assert readings(alone, pictures) == readings(together, pictures)
        assert [text for text, _ in readings(alone, pictures)] == texts
    finally:
        alone.close()
        together.close()


def readings(
    service: Service, pictures: list[Upload]
) -> list[tuple[str | None, list[CharacterModel]]]:
    results = [future.result(60) for future in service.submit(pictures, Options())]
    return [(result.text, result.characters) for result in results]  # with their places


def same(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    return list(arrays)


def test_who_has_left_is_not_counted_in_a_batch() -> None:
    """captcha_ocr_batch_pictures would tell of pictures that nobody read."""
    begun, go = threading.Event(), threading.Event()
    sizes: list[int] = []

    def held(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        begun.set()
        go.wait(60)
        return list(arrays)

    batcher = Batcher(
        held, lanes=1, max_pictures=4, max_wait=0, on_the_way=lambda: 0, on_batch=sizes.append
    )
    batcher.submit(np.zeros(1))
    assert begun.wait(60)
    futures = [batcher.submit(np.zeros(1)) for _ in range(3)]
    assert futures[1].cancel()
    go.set()
    batcher.close()
    assert sizes == [1, 2]


def test_pictures_arrive_while_it_waits_for_them() -> None:
    """It lets go of the queue meanwhile; else they would come when the wait is over."""
    waits = threading.Event()
    sizes: list[int] = []

    def one_more() -> int:
        waits.set()
        return 1

    batcher = Batcher(
        same, lanes=1, max_pictures=2, max_wait=10, on_the_way=one_more, on_batch=sizes.append
    )
    batcher.submit(np.zeros(1))
    assert waits.wait(60)
    batcher.submit(np.zeros(1)).result(60)
    batcher.close()
    assert sizes == [2]
