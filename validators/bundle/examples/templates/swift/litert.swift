    private final class Model {
        private let interpreter: Interpreter
        private let runner: SignatureRunner

        init(file: URL) throws {
            interpreter = try Interpreter(modelPath: file.path)
            guard let key = interpreter.signatureKeys.first else { throw BundleError(message: "a model without a signature") }
            runner = try interpreter.signatureRunner(with: key)
        }

        func run(_ tensors: [BundleTensor]) throws -> [BundleTensor] {
            for (port, tensor) in zip(@@CLASS@@.inputs, tensors) {
                let shape = TensorFlowLite.Tensor.Shape(tensor.shape)
                if try runner.input(named: port.name).shape != shape { try runner.resizeInput(named: port.name, toShape: shape) }
            }
            try runner.allocateTensors()
            for (port, tensor) in zip(@@CLASS@@.inputs, tensors) { try runner.copy(tensor.bytes, toInputNamed: port.name) }
            try runner.invoke()
            return try @@CLASS@@.outputs.map { port in
                let answer = try runner.output(named: port.name)
                let tensor = BundleTensor(type: port.type, shape: answer.shape.dimensions, bytes: answer.data)
                guard tensor.count * port.type.size == answer.data.count else {
                    throw BundleError(message: "\(port.name) has another type")
                }
                return tensor
            }
        }
    }
