    private class Model(file: File) : Closeable {
        private val module = Module.load(file.path)

        fun run(tensors: List<Tensor>): List<Tensor> {
            val given = tensors.map { EValue.from(blob(it)) }.toTypedArray()
            val answers = module.forward(*given)
            return OUTPUTS.mapIndexed { place, port -> copied(answers[place].toTensor(), port) }
        }

        private fun blob(tensor: Tensor): org.pytorch.executorch.Tensor {
            val bytes = tensor.bytes
            val count = tensor.count
            return when (tensor.type) {
                Type.FLOAT32 -> org.pytorch.executorch.Tensor.fromBlob(tensor.floats(), tensor.shape)
                Type.FLOAT64 -> org.pytorch.executorch.Tensor.fromBlob(DoubleArray(count) { bytes.getDouble(it * 8) }, tensor.shape)
                Type.INT8 -> org.pytorch.executorch.Tensor.fromBlob(ByteArray(count) { bytes.get(it) }, tensor.shape)
                Type.UINT8 -> org.pytorch.executorch.Tensor.fromBlobUnsigned(ByteArray(count) { bytes.get(it) }, tensor.shape)
                Type.INT32 -> org.pytorch.executorch.Tensor.fromBlob(IntArray(count) { bytes.getInt(it * 4) }, tensor.shape)
                Type.INT64 -> org.pytorch.executorch.Tensor.fromBlob(LongArray(count) { bytes.getLong(it * 8) }, tensor.shape)
                else -> throw IllegalArgumentException("ExecuTorch's Java API makes no tensors of ${tensor.type}")
            }
        }

        private fun copied(answer: org.pytorch.executorch.Tensor, port: Port): Tensor {
            val tensor = BundleFiles.empty(port.type, answer.shape())
            val bytes = tensor.bytes
            when (port.type) {
                Type.FLOAT32 -> answer.dataAsFloatArray.forEach { bytes.putFloat(it) }
                Type.FLOAT64 -> answer.dataAsDoubleArray.forEach { bytes.putDouble(it) }
                Type.INT8 -> bytes.put(answer.dataAsByteArray)
                Type.UINT8 -> bytes.put(answer.dataAsUnsignedByteArray)
                Type.INT32 -> answer.dataAsIntArray.forEach { bytes.putInt(it) }
                Type.INT64 -> answer.dataAsLongArray.forEach { bytes.putLong(it) }
                else -> throw IllegalArgumentException("ExecuTorch's Java API reads no tensors of ${port.type}")
            }
            bytes.rewind()
            return tensor
        }

        override fun close() = module.destroy()
    }
