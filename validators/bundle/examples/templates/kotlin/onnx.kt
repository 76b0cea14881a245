    private class Model(file: File) : Closeable {
        private val environment = OrtEnvironment.getEnvironment()
        private val session = environment.createSession(file.path, OrtSession.SessionOptions())

        fun run(tensors: List<Tensor>): List<Tensor> {
            val given = LinkedHashMap<String, OnnxTensor>()
            try {
                for ((place, tensor) in tensors.withIndex()) {
                    given[INPUTS[place].name] = OnnxTensor.createTensor(environment, tensor.bytes, tensor.shape, type(tensor.type))
                }
                val answers = session.run(given)
                try {
                    return OUTPUTS.map { copied(answers.get(it.name).get() as OnnxTensor, it) }
                } finally {
                    answers.close()
                }
            } finally {
                given.values.forEach { it.close() }
            }
        }

        private fun copied(answer: OnnxTensor, port: Port): Tensor {
            check(answer.info.type == type(port.type)) { "${port.name} has another type" }
            val tensor = BundleFiles.empty(port.type, answer.info.shape)
            tensor.bytes.put(answer.byteBuffer)
            tensor.bytes.rewind()
            return tensor
        }

        private fun type(type: Type): OnnxJavaType = when (type) {
            Type.FLOAT16 -> OnnxJavaType.FLOAT16
            Type.FLOAT32 -> OnnxJavaType.FLOAT
            Type.FLOAT64 -> OnnxJavaType.DOUBLE
            Type.INT8 -> OnnxJavaType.INT8
            Type.UINT8 -> OnnxJavaType.UINT8
            Type.INT16 -> OnnxJavaType.INT16
            Type.INT32 -> OnnxJavaType.INT32
            Type.INT64 -> OnnxJavaType.INT64
            Type.BOOLEAN -> OnnxJavaType.BOOL
            else -> throw IllegalArgumentException("ONNX Runtime's Java API has no tensors of $type")
        }

        override fun close() = session.close()
    }
