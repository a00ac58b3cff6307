"""The operations of TensorFlow that a SavedModel from anywhere may have: they compute on tensors in memory.

Each name was looked at. A rule would not do: ``ImmutableConst`` is among the array operations, has no state,
and reads any file. Random numbers are allowed, and variables in memory. Left out are files, strings,
datasets, tables, other machines, Python, printing, decoders of images, and what usual networks do not need.
"""

_CONTROL = """
    Const Placeholder PlaceholderWithDefault NoOp Identity IdentityN StopGradient PreventGradient
    EnsureShape PartitionedCall StatefulPartitionedCall If StatelessIf Case StatelessCase While
    StatelessWhile VarHandleOp VarIsInitializedOp ReadVariableOp AssignVariableOp AssignAddVariableOp
    AssignSubVariableOp VariableShape ResourceGather DisableCopyOnRead EmptyTensorList TensorListReserve
    TensorListFromTensor TensorListStack TensorListGetItem TensorListSetItem TensorListLength
    TensorListPushBack TensorListPopBack TensorListElementShape
    """

_MATHS = """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh BatchMatMul
    BatchMatMulV2 BatchMatMulV3 BesselI0 BesselI0e BesselI1 BesselI1e BitwiseAnd BitwiseOr BitwiseXor
    Bucketize Cast Ceil ClipByValue Cos Cosh Cross Cumprod Cumsum CumulativeLogsumexp Digamma Div DivNoNan
    Equal Erf Erfc Erfinv EuclideanNorm Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Invert
    IsFinite IsInf IsNan LeftShift Less LessEqual Lgamma LinSpace Log Log1p LogicalAnd LogicalNot LogicalOr
    MatMul Max Maximum Mean Min Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual Pow Prod Range Real
    RealDiv Reciprocal RightShift Rint Round Rsqrt SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum
    Select SelectV2 Sigmoid Sign Sin Sinh Sqrt Square SquaredDifference Sub Sum Tan Tanh TruncateDiv
    TruncateMod UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Xdivy Xlog1py
    Xlogy Complex ComplexAbs Conj Angle Imag
    """

_LINEAR_ALGEBRA = """
    Cholesky Einsum LogMatrixDeterminant Lu MatrixDeterminant MatrixExponential MatrixInverse
    MatrixLogarithm MatrixSolve MatrixSquareRoot MatrixTriangularSolve Qr SelfAdjointEigV2 Svd FFT FFT2D
    FFT3D IFFT IFFT2D IFFT3D RFFT RFFT2D RFFT3D IRFFT IRFFT2D IRFFT3D
    """

_NETWORKS = """
    AvgPool AvgPool3D BiasAdd Conv Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2
    DepthwiseConv2dNative Dilation2D Elu FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 InTopKV2 L2Loss
    LRN LeakyRelu LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Relu Relu6 Selu Softmax Softplus
    Softsign TopK TopKV2 AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize HSVToRGB RGBToHSV
    ImageProjectiveTransformV2 ImageProjectiveTransformV3 ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScaleAndTranslate ExtractImagePatches
    """

_ARRAYS = """
    BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Concat ConcatOffset ConcatV2 DepthToSpace
    Diag DiagPart ExpandDims Fill Gather GatherNd GatherV2 InvertPermutation ListDiff MatrixBandPart
    MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag
    MatrixSetDiagV2 MatrixSetDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2 Rank Reshape Reverse
    ReverseSequence ReverseV2 Roll ScatterNd Shape ShapeN Size Slice SpaceToBatch SpaceToBatchND
    SpaceToDepth Split SplitV Squeeze StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin
    TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile Transpose Unique UniqueV2 Unpack
    Where ZerosLike
    """

_RANDOM = """
    Multinomial RandomGamma RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt
    TruncatedNormal StatelessMultinomial StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt
    StatelessRandomUniformFullIntV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2
    """

OPERATIONS = frozenset(" ".join((_CONTROL, _MATHS, _LINEAR_ALGEBRA, _NETWORKS, _ARRAYS, _RANDOM)).split())
