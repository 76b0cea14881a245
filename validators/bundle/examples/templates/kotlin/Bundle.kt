// Reads a bundle's golden files, turns real numbers into an artifact's integers and back, names labels, and tests itself.
// Kotlin 1.3 or newer and the JVM's standard library; every example in this folder uses it.
//
// Compiled and run by edgeproof's tests with Kotlin 1.3 for the JVM; it has not been built for Android.

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

enum class Type(val size: Int) {
    FLOAT16(2), FLOAT32(4), FLOAT64(8), INT8(1), UINT8(1), INT16(2), UINT16(2), INT32(4), UINT32(4), INT64(8), UINT64(8),
    BOOLEAN(1)
}

/** A tensor's values in C order, little-endian, in a direct buffer that is read from its start. */
class Tensor(val type: Type, val shape: LongArray, val bytes: ByteBuffer) {
    val count: Int get() = BundleFiles.count(shape)

    /** Element `place` in C order, whatever the type. */
    fun value(place: Int): Double = when (type) {
        Type.FLOAT16 -> BundleFiles.fromHalf(bytes.getShort(place * 2).toInt() and 0xffff)
        Type.FLOAT32 -> bytes.getFloat(place * 4).toDouble()
        Type.FLOAT64 -> bytes.getDouble(place * 8)
        Type.INT8 -> bytes.get(place).toDouble()
        Type.UINT8, Type.BOOLEAN -> (bytes.get(place).toInt() and 0xff).toDouble()
        Type.INT16 -> bytes.getShort(place * 2).toDouble()
        Type.UINT16 -> (bytes.getShort(place * 2).toInt() and 0xffff).toDouble()
        Type.INT32 -> bytes.getInt(place * 4).toDouble()
        Type.UINT32 -> (bytes.getInt(place * 4).toLong() and 0xffffffffL).toDouble()
        Type.INT64 -> bytes.getLong(place * 8).toDouble()
        Type.UINT64 -> bytes.getLong(place * 8).let { (it ushr 1).toDouble() * 2 + (it and 1) }
    }

    fun floats(): FloatArray = FloatArray(count) { bytes.getFloat(it * 4) }
}

/** An input or output of an artifact. Where `scale` is not 0, its integers stand for (q - zeroPoint) * scale. */
class Port(val name: String, val type: Type, val scale: Double, val zeroPoint: Int)

/** A tensor in a file. `tolerance` is how far an output may be from it. */
class Stored(val file: String, val type: Type, val shape: LongArray, val tolerance: Double)

/** What an artifact was given for one sample, and what it answered, in the order of its inputs and outputs. */
class Call(val sample: Int, val inputs: List<Stored>, val outputs: List<Stored>)

/** A sample before preprocessing: pixels (height, width, 3) of 8 bits, or samples of 16 bits. */
class Original(val sample: Int, val file: String, val shape: LongArray)

object BundleFiles {
    fun count(shape: LongArray): Int = shape.fold(1L) { product, size -> product * size }.toInt()

    fun empty(type: Type, shape: LongArray): Tensor =
        Tensor(type, shape, ByteBuffer.allocateDirect(count(shape) * type.size).order(ByteOrder.LITTLE_ENDIAN))

    fun load(root: File, stored: Stored): Tensor {
        val content = File(root, stored.file).readBytes()
        val tensor = empty(stored.type, stored.shape)
        require(content.size == tensor.bytes.capacity()) { "${stored.file} does not have the size of its tensor" }
        tensor.bytes.put(content)
        tensor.bytes.rewind()
        return tensor
    }

    fun tensorOf(values: FloatArray, shape: LongArray): Tensor {
        require(values.size == count(shape)) { "preprocessing gave another number of values" }
        val tensor = empty(Type.FLOAT32, shape)
        for (place in values.indices) tensor.bytes.putFloat(place * 4, values[place])
        return tensor
    }

    fun samples(content: ByteArray): ShortArray {
        val shorts = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
        return ShortArray(shorts.remaining()).also { shorts.get(it) }
    }

    fun fromHalf(bits: Int): Double {
        val exponent = bits shr 10 and 31
        val fraction = bits and 1023
        val size = when (exponent) {
            31 -> if (fraction == 0) Double.POSITIVE_INFINITY else Double.NaN
            0 -> fraction * Math.pow(2.0, -24.0)
            else -> (fraction + 1024) * Math.pow(2.0, exponent - 25.0)
        }
        return if (bits shr 15 == 0) size else -size
    }

    /** What an input takes for real numbers: q = round(real / scale) + zeroPoint, clamped. */
    fun quantize(real: Tensor, port: Port): Tensor {
        if (port.scale == 0.0) return real
        val integers = empty(port.type, real.shape)
        for (place in 0 until real.count) {
            // Math.rint rounds halves to even, as every runtime's own quantising does.
            val wanted = Math.rint((real.bytes.getFloat(place * 4) / port.scale.toFloat()).toDouble()) + port.zeroPoint
            when (port.type) {
                Type.INT8 -> integers.bytes.put(place, wanted.coerceIn(-128.0, 127.0).toInt().toByte())
                Type.UINT8 -> integers.bytes.put(place, wanted.coerceIn(0.0, 255.0).toInt().toByte())
                Type.INT16 -> integers.bytes.putShort(place * 2, wanted.coerceIn(-32768.0, 32767.0).toInt().toShort())
                Type.INT32 -> integers.bytes.putInt(place * 4, wanted.toInt())
                else -> throw IllegalArgumentException("${port.name} has a type that is not quantised")
            }
        }
        return integers
    }

    /** What an output says in real numbers: (q - zeroPoint) * scale. */
    fun dequantize(integers: Tensor, port: Port): Tensor {
        if (port.scale == 0.0) return integers
        val scale = port.scale.toFloat()
        return tensorOf(FloatArray(integers.count) { (integers.value(it) - port.zeroPoint).toFloat() * scale }, integers.shape)
    }

    /**
     * The label of the largest element of the last axis and that element; one element alone is the second label's
     * probability, and the score is that of the label which is named.
     */
    fun label(output: Tensor, labels: List<String>): Pair<String, Double> {
        val classes = output.shape.last().toInt()
        val first = output.value(0)
        if (classes == 1) return if (first >= 0.5) Pair(labels[1], first) else Pair(labels[0], 1 - first)
        var best = 0
        for (place in 1 until classes) if (output.value(place) > output.value(best)) best = place
        return Pair(labels[best], output.value(best))
    }

    /** How an output differs from what is stored; null if it does not. */
    fun difference(got: Tensor, expected: Tensor, tolerance: Double): String? {
        if (!got.shape.contentEquals(expected.shape) || got.type != expected.type) return "has another shape or type"
        for (place in 0 until got.count) {
            val off = Math.abs(got.value(place) - expected.value(place))
            if (!(off <= tolerance)) {
                return "element $place is ${got.value(place)}, expected ${expected.value(place)} within $tolerance"
            }
        }
        return null
    }

    /** Replays every golden call; the differences, each in a sentence. */
    fun selfTest(root: File, calls: List<Call>, outputs: List<Port>, infer: (List<Tensor>) -> List<Tensor>): List<String> {
        val found = ArrayList<String>()
        for (call in calls) {
            val answers = infer(call.inputs.map { load(root, it) })
            for ((place, stored) in call.outputs.withIndex()) {
                val difference = difference(answers[place], load(root, stored), stored.tolerance)
                if (difference != null) found.add("sample ${call.sample}: output ${outputs[place].name} $difference")
            }
        }
        return found
    }

    /** Preprocesses every original and compares with input `input` of its call, bit by bit; the differences. */
    fun preprocessingTest(
        root: File, calls: List<Call>, input: Int, originals: List<Original>, preprocessed: (Original) -> FloatArray
    ): List<String> {
        val found = ArrayList<String>()
        for (call in calls) {
            val original = originals.find { it.sample == call.sample } ?: continue
            val stored = load(root, call.inputs[input])
            if (tensorOf(preprocessed(original), stored.shape).bytes != stored.bytes) {
                found.add("sample ${call.sample}: preprocessing gives other bits than ${call.inputs[input].file}")
            }
        }
        return found
    }
}
