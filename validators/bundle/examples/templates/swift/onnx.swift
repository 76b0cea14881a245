    private final class Model {
        private let environment: ORTEnv
        private let session: ORTSession

        init(file: URL) throws {
            environment = try ORTEnv(loggingLevel: .error)
            session = try ORTSession(env: environment, modelPath: file.path, sessionOptions: nil)
        }

        func run(_ tensors: [BundleTensor]) throws -> [BundleTensor] {
            var given: [String: ORTValue] = [:]
            for (port, tensor) in zip(@@CLASS@@.inputs, tensors) {
                given[port.name] = try ORTValue(
                    tensorData: NSMutableData(data: tensor.bytes), elementType: try Self.elementType(tensor.type),
                    shape: tensor.shape.map { NSNumber(value: $0) })
            }
            let names = Set(@@CLASS@@.outputs.map { $0.name })
            let answers = try session.run(withInputs: given, outputNames: names, runOptions: nil)
            return try @@CLASS@@.outputs.map { port in
                guard let answer = answers[port.name] else { throw BundleError(message: "no output \(port.name)") }
                let facts = try answer.tensorTypeAndShapeInfo()
                guard facts.elementType == (try Self.elementType(port.type)) else {
                    throw BundleError(message: "\(port.name) has another type")
                }
                let bytes = try answer.tensorData() as Data
                return BundleTensor(type: port.type, shape: facts.shape.map { $0.intValue }, bytes: bytes)
            }
        }

        private static func elementType(_ type: ElementType) throws -> ORTTensorElementDataType {
            switch type {
            case .float32: return .float
            case .int8: return .int8
            case .uint8: return .uInt8
            case .int32: return .int32
            case .uint32: return .uInt32
            case .int64: return .int64
            case .uint64: return .uInt64
            default: throw BundleError(message: "ONNX Runtime's Objective-C API has no tensors of \(type)")
            }
        }
    }
