"""The classes of Keras that a model from anywhere may name, as (module, class) in ``config.json``.

They compute. Left out is what runs code (``Lambda``, ``JaxLayer``, ``FlaxLayer``, ``TorchModuleWrapper``)
and what reads files (``TFSMLayer``; the lookup layers and ``TextVectorization`` with their vocabularies).
"""

_LAYERS = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix Dense
    DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization
    Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention HashedCrossing Hashing Identity InputLayer LSTM LSTMCell LayerNormalization
    LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram
    Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
    RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
    RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax
    Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
    Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D
    ZeroPadding2D ZeroPadding3D
    """
LAYERS = frozenset(_LAYERS.split())

#: The other layers of Keras.
_OTHER_LAYERS = """
    FlaxLayer InputSpec IntegerLookup JaxLayer Lambda Layer StringLookup TFSMLayer TextVectorization
    TorchModuleWrapper
    """
OTHER_LAYERS = frozenset(_OTHER_LAYERS.split())

_OTHERS = {
    "keras": "DTypePolicy Model Sequential",
    "keras.models": "Model Sequential",
    "keras.src.models.functional": "Functional",
    "keras.src.models.sequential": "Sequential",
    "keras.dtype_policies": "DTypePolicy",
    "keras.initializers": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones
        Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
        """,
    "keras.regularizers": "L1 L1L2 L2 OrthogonalRegularizer",
    "keras.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
    "keras.optimizers": "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD",
    "keras.losses": """
        BinaryCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy Hinge KLDivergence
        MeanSquaredError SparseCategoricalCrossentropy
        """,
    "keras.metrics": "Accuracy CategoricalAccuracy F1Score SparseCategoricalAccuracy",
}

CLASSES = frozenset(
    [("keras.layers", name) for name in LAYERS]
    + [(module, name) for module, names in _OTHERS.items() for name in names.split()]
)

#: Modules whose classes are all single operations on tensors, as ``x + y`` on a network's tensors becomes.
OPERATIONS = frozenset({"keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math"})

#: Where Keras looks functions up by name; all of these compute.
FUNCTIONS = frozenset({"builtins", "keras.activations"})

#: Plain values that JSON has no form for. ``__lambda__`` is code, and ``__typespec__`` any class.
VALUES = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"})
