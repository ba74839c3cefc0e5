"""What the state of a model of River may consist of: classes, callables and methods by name. Anything else is refused.

River is imported by these names alone, and only where a state has to be written or read.
"""

import builtins
import collections
import functools
import importlib
import importlib.metadata
from typing import Any, Final

from detectors.river.allowed import ALLOWED, VERSION

INNER: Final = frozenset(
    {
        "compose.pipeline:Pipeline",
        "ensemble.streaming_random_patches:BaseSRPClassifier",
        "forest.adaptive_random_forest:BaseTreeClassifier",
        "metrics.accuracy:Accuracy",
        "metrics.confusion:ConfusionMatrix",
        "neighbors.ann.nn_vertex:Vertex",
        "optim.initializers:Zeros",
        "optim.losses:Hinge",
        "optim.losses:Log",
        "optim.schedulers:Constant",
        "proba.gaussian:Gaussian",
        "sketch.histogram:Bin",
        "sketch.histogram:Histogram",
        "stats.cov:Cov",
        "stats.ewmean:EWMean",
        "stats.ewvar:EWVar",
        "stats.iqr:IQR",
        "stats.maximum:AbsMax",
        "stats.maximum:Max",
        "stats.mean:Mean",
        "stats.minimum:Min",
        "stats.quantile:Quantile",
        "stats.var:Var",
        "tree.losses:BinaryCrossEntropyLoss",
        "tree.mondrian.mondrian_tree_classifier:MondrianTreeClassifier",
        "tree.mondrian.mondrian_tree_nodes:MondrianBranchClassifier",
        "tree.mondrian.mondrian_tree_nodes:MondrianLeafClassifier",
        "tree.nodes.arf_htc_nodes:RandomLeafMajorityClass",
        "tree.nodes.arf_htc_nodes:RandomLeafNaiveBayes",
        "tree.nodes.arf_htc_nodes:RandomLeafNaiveBayesAdaptive",
        "tree.nodes.branch:NumericBinaryBranch",
        "tree.nodes.efdtc_nodes:EFDTLeafMajorityClass",
        "tree.nodes.efdtc_nodes:EFDTLeafNaiveBayes",
        "tree.nodes.efdtc_nodes:EFDTLeafNaiveBayesAdaptive",
        "tree.nodes.efdtc_nodes:EFDTNumericBinaryBranch",
        "tree.nodes.hatc_nodes:AdaLeafClassifier",
        "tree.nodes.hatc_nodes:AdaNumBinaryBranchClass",
        "tree.nodes.htc_nodes:LeafMajorityClass",
        "tree.nodes.htc_nodes:LeafNaiveBayes",
        "tree.nodes.htc_nodes:LeafNaiveBayesAdaptive",
        "tree.nodes.last_nodes:LeafMajorityClassWithDetector",
        "tree.nodes.last_nodes:LeafNaiveBayesAdaptiveWithDetector",
        "tree.nodes.last_nodes:LeafNaiveBayesWithDetector",
        "tree.nodes.sgt_nodes:SGTLeaf",
        "tree.padded:PaddedBranch",
        "tree.padded:PaddedLeaf",
        "tree.splitter.gaussian_splitter:GaussianSplitter",
        "tree.splitter.sgt_quantizer:StaticQuantizer",
        "tree.stochastic_gradient_tree:SGTClassifier",
        "tree.utils:GradHessStats",
    }
)
"""Classes that models hold within them, by module below ``river`` and name."""

COMPILED: Final = {
    "drift:AdaptiveWindowing": (),
    "stats:RsEWMean": (0.5,),
    "stats:RsEWVar": (0.5,),
    "stats:RsIQR": (0.25, 0.75),
    "stats:RsQuantile": (0.5,),
}
"""Compiled classes whose state is bytes of their own, below ``river._river_rust``, and arguments to make one that takes such bytes."""

METHODS: Final = frozenset(
    {
        ("GaussianNB", "_make_gaussian"),
        ("GaussianRandomProjector", "_rand_gauss"),
        ("LeveragingBaggingClassifier", "_leveraging_bag"),
        ("LeveragingBaggingClassifier", "_leveraging_bag_wt"),
        ("LeveragingBaggingClassifier", "_leveraging_subag"),
        ("PAClassifier", "_calc_tau_1"),
        ("PAClassifier", "_calc_tau_2"),
        ("PageHinkley", "_test_both"),
        ("PageHinkley", "_test_decrease"),
        ("PageHinkley", "_test_increase"),
        ("RBFSampler", "_random_weights"),
        ("SparseRandomProjector", "_rand_weights_for_feature"),
    }
)
"""Methods that an object may hold of itself, by its class and their name."""

UNUSED: Final = frozenset({("Gaussian", "_rng")})
"""Attributes that are left out, by class and name: a generator that only samples, which differs in each process and takes 2.5 kB."""

_BUILTINS: Final[dict[str, Any]] = {
    **{name: getattr(builtins, name) for name in ("bool", "dict", "float", "int", "tuple", "list", "set")},
    "Counter": collections.Counter,
    "defaultdict": collections.defaultdict,
}
_CALLABLES: Final = frozenset(
    {
        "_river_rust.vectordict:euclidean_distance_tuple",
        "ensemble.streaming_random_patches:BaseSRPClassifier",
        "feature_extraction.kernel_approx:RBFSampler._random_weights",
        "linear_model.pa:BasePA._calc_tau_1",
        "linear_model.pa:BasePA._calc_tau_2",
        "naive_bayes.gaussian:GaussianNB._make_gaussian",
        "stats.ewmean:EWMean",
        "stats.ewvar:EWVar",
        "stats.iqr:IQR",
        "stats.maximum:AbsMax",
        "stats.maximum:Max",
        "stats.mean:Mean",
        "stats.minimum:Min",
        "stats.quantile:Quantile",
        "stats.var:Var",
    }
)


def name_of(thing: Any) -> str:
    """Returns the name of a class or function, as the tables here have it; one that is not of River has its module's whole name."""
    module = str(getattr(thing, "__module__", ""))
    return f"{module.removeprefix('river.')}:{getattr(thing, '__qualname__', type(thing).__qualname__)}"


@functools.cache
def classes() -> dict[str, type]:
    """Returns the classes whose objects a state may hold, by name. The first call imports River: seconds of CPU.

    Raises:
        ValueError: another version of River is installed than the tables were made for.
    """
    if importlib.metadata.version("river") != VERSION:
        raise ValueError(f"expected River {VERSION}, got {importlib.metadata.version('river')}: install the version that Weir names")
    offered = [getattr(importlib.import_module(f"river.{module}"), name) for module, _, name in (each.rpartition(".") for each in ALLOWED)]
    inner = [_found(name) for name in INNER]
    return {name_of(each): each for each in (*offered, *inner)}


@functools.cache
def compiled_classes() -> dict[str, type]:
    """Returns the classes of `COMPILED`, by name."""
    return {name: _found(f"_river_rust.{name}") for name in COMPILED}


@functools.cache
def vectors() -> type:
    """Returns River's dictionary of numbers, which linear models keep their weights in."""
    found: type = _found("_river_rust.vectordict:VectorDict")
    return found


@functools.cache
def callables() -> dict[str, Any]:
    """Returns the functions and classes that a state may name, by name."""
    return _BUILTINS | {name: _found(name) for name in _CALLABLES}


@functools.cache
def names_of_callables() -> dict[int, str]:
    """Returns the names of `callables` by identity."""
    return {id(each): name for name, each in callables().items()}


def _found(name: str) -> Any:
    module, _, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(f"river.{module}"))
