    private class Model(file: File) : Closeable {
        private val interpreter = Interpreter(file)
        private val signature = interpreter.signatureKeys[0]

        fun run(tensors: List<Tensor>): List<Tensor> {
            // The interpreter counts tensors in the graph's order; the signature says which name stands where.
            val places = INPUTS.map { port -> inputPlace(port) }
            for ((port, place) in places.withIndex()) {
                val wanted = IntArray(tensors[port].shape.size) { tensors[port].shape[it].toInt() }
                if (!interpreter.getInputTensor(place).shape().contentEquals(wanted)) interpreter.resizeInput(place, wanted)
            }
            interpreter.allocateTensors()
            val given = arrayOfNulls<Any>(places.size)
            for ((port, place) in places.withIndex()) given[place] = tensors[port].bytes.also { it.rewind() }
            val outputs = OUTPUTS.map { port -> outputPlace(port) }
            // Sizes that depend on values are known after a call alone, so what a call gives is asked for afterwards.
            interpreter.runForMultipleInputsOutputs(given, HashMap<Int, Any>())
            return outputs.mapIndexed { port, place -> copied(interpreter.getOutputTensor(place), OUTPUTS[port]) }
        }

        private fun copied(answer: org.tensorflow.lite.Tensor, port: Port): Tensor {
            val shape = answer.shape()
            val tensor = BundleFiles.empty(port.type, LongArray(shape.size) { shape[it].toLong() })
            check(answer.numBytes() == tensor.bytes.capacity()) { "${port.name} has another type" }
            tensor.bytes.put(answer.asReadOnlyBuffer())
            tensor.bytes.rewind()
            return tensor
        }

        private fun inputPlace(port: Port): Int {
            val wanted = interpreter.getInputTensorFromSignature(port.name, signature).index()
            return (0 until interpreter.inputTensorCount).first { interpreter.getInputTensor(it).index() == wanted }
        }

        private fun outputPlace(port: Port): Int {
            val wanted = interpreter.getOutputTensorFromSignature(port.name, signature).index()
            return (0 until interpreter.outputTensorCount).first { interpreter.getOutputTensor(it).index() == wanted }
        }

        override fun close() = interpreter.close()
    }
