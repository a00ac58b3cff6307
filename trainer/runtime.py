"""TensorFlow's global switches, all of them, in one place.

Two layers: the environment a training process must be born with, and what is switched on once inside it.
"""

import os
import platform
import sys
import tempfile
from functools import cache
from types import ModuleType
from typing import Any

from trainer.specs import FitSpec

#: What has to be set before Python starts; docs/reproducibility.md has what each of them does to the bits.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    # Dask's nanny would set 65536 here: 54,000 page faults in three epochs instead of 4,000.
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}

#: What must not be set: each one can choose other kernels, and so other bits.
FORBIDDEN = (
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "DNNL_CPU_ISA_HINTS",
    "TF_SET_ONEDNN_FPMATH_MODE",
    "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_AUTO_MIXED_PRECISION",
    "TF_DETERMINISTIC_ORDER",
)


#: What ``prepare`` switches on, as ``switches`` reports it.
SWITCHES: dict[str, Any] = {
    "intra_op_threads": 1,
    "inter_op_threads": 1,
    "op_determinism": True,
    "onednn": platform.machine() in ("x86_64", "AMD64"),  # TensorFlow has it there only
    "xla": False,
    "gpus": 0,
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
}


def training_environment() -> dict[str, str]:
    """Return the environment to start a training process with: this one's, with what decides bits fixed."""
    inherited = {name: value for name, value in os.environ.items() if name not in FORBIDDEN}
    return inherited | ENVIRONMENT


@cache
def prepare() -> None:
    """Import TensorFlow and set its switches, once a process.

    Raises:
        RuntimeError: if the process was not started with ``training_environment()``.
    """
    wrong = [name for name, value in ENVIRONMENT.items() if os.environ.get(name) != value]
    wrong += [name for name in FORBIDDEN if name in os.environ]
    if wrong:
        raise RuntimeError(f"this process was not started for training: {', '.join(wrong)} differ")
    tensorflow = _import_quietly()
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.config.experimental.enable_op_determinism()
    import keras

    # The user's keras.json must not decide bits.
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    keras.config.disable_traceback_filtering()


def switches() -> dict[str, Any]:
    """Return what TensorFlow and Keras were told, as they themselves say; nothing before ``prepare``."""
    if "tensorflow" not in sys.modules:
        return {}
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled
    from tensorflow.python.util import _pywrap_util_port as ports

    return {
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "op_determinism": bool(is_op_determinism_enabled()),
        "onednn": bool(ports.IsMklEnabled()),
        "xla": bool(tf.config.optimizer.get_jit()),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "backend": keras.config.backend(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
    }


def check(spec: FitSpec) -> None:
    """Refuse a spec that asks for what this process cannot give.

    Raises:
        RuntimeError: naming the difference.
    """
    here = {"precision": "float32", "threads": 1, "device": "cpu"}
    for name, value in here.items():
        if getattr(spec, name) != value:
            raise RuntimeError(f"the fit asks for {name} {getattr(spec, name)!r}, this worker has {value!r}")


def _import_quietly() -> ModuleType:
    """Import TensorFlow without the lines that its C++ side prints before any log level is read."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            import tensorflow as tf
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    module: ModuleType = tf
    return module
