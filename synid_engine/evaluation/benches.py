"""The benches by the names that the command line knows."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from synid_engine.evaluation.ablation import bench_ablation
from synid_engine.evaluation.comparison import bench_compare
from synid_engine.evaluation.figures import BenchReport
from synid_engine.evaluation.frontier import bench_frontier
from synid_engine.evaluation.identity_bench import bench_identity
from synid_engine.evaluation.likeness_bench import bench_likeness
from synid_engine.evaluation.progress import BenchOptions
from synid_engine.evaluation.tiny_bench import bench_tiny
from synid_engine.evaluation.warm_bench import bench_warm_start

__all__ = ["BENCHES", "BenchOptions"]


def bench_characters(options: BenchOptions) -> BenchReport:
    """Measure characters by all that can be read in a picture, or by faces alone.

    The former needs a base model that draws the embedded one's world; its folder `evaluation` says so.

    Raises:
        WeightsError: A model or a package is missing or damaged.
    """
    is_read = options.models is None or (options.models / "evaluation").is_dir()
    return bench_identity(options) if is_read else bench_likeness(options)


BENCHES: Mapping[str, Callable[[BenchOptions], BenchReport]] = MappingProxyType(
    {
        "tiny": bench_tiny,
        "identity": bench_characters,
        "ablation": bench_ablation,
        "warm-start": bench_warm_start,
        "frontier": bench_frontier,
        "compare": bench_compare,
    }
)
