    private final class Model {
        private let module: Module

        init(file: URL) throws {
            module = Module(filePath: file.path)
            try module.load("forward")
        }

        func run(_ tensors: [BundleTensor]) throws -> [BundleTensor] {
            let given: [ValueConvertible] = try tensors.map { try Self.value($0) }
            let answers = try module.forward(given)
            return try zip(answers, @@CLASS@@.outputs).map { answer, port in
                switch port.type {
                case .float32: return try Self.copied(Tensor<Float>(answer), port)
                case .float64: return try Self.copied(Tensor<Double>(answer), port)
                case .int8: return try Self.copied(Tensor<Int8>(answer), port)
                case .uint8: return try Self.copied(Tensor<UInt8>(answer), port)
                case .int16: return try Self.copied(Tensor<Int16>(answer), port)
                case .int32: return try Self.copied(Tensor<Int32>(answer), port)
                case .int64: return try Self.copied(Tensor<Int64>(answer), port)
                case .boolean: return try Self.copied(Tensor<Bool>(answer), port)
                default: throw BundleError(message: "ExecuTorch's Swift API reads no tensors of \(port.type)")
                }
            }
        }

        private static func value(_ tensor: BundleTensor) throws -> ValueConvertible {
            switch tensor.type {
            case .float32: return Tensor<Float>(data: tensor.bytes, shape: tensor.shape).copy()
            case .float64: return Tensor<Double>(data: tensor.bytes, shape: tensor.shape).copy()
            case .int8: return Tensor<Int8>(data: tensor.bytes, shape: tensor.shape).copy()
            case .uint8: return Tensor<UInt8>(data: tensor.bytes, shape: tensor.shape).copy()
            case .int16: return Tensor<Int16>(data: tensor.bytes, shape: tensor.shape).copy()
            case .int32: return Tensor<Int32>(data: tensor.bytes, shape: tensor.shape).copy()
            case .int64: return Tensor<Int64>(data: tensor.bytes, shape: tensor.shape).copy()
            case .boolean: return Tensor<Bool>(data: tensor.bytes, shape: tensor.shape).copy()
            default: throw BundleError(message: "ExecuTorch's Swift API makes no tensors of \(tensor.type)")
            }
        }

        private static func copied<Element: Scalar>(_ answer: Tensor<Element>, _ port: Port) -> BundleTensor {
            let bytes = answer.scalars().withUnsafeBytes { Data($0) }
            return BundleTensor(type: port.type, shape: answer.shape, bytes: bytes)
        }
    }
