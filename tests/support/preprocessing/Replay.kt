// Reads cases as words of text, runs each, and writes the bits of its floats, one case a line.
import java.io.StreamTokenizer

fun main() {
    val words = StreamTokenizer(System.`in`.bufferedReader())
    fun number(): Double {
        words.nextToken()
        return words.nval
    }
    fun int() = number().toInt()
    val out = System.out.bufferedWriter()
    while (words.nextToken() != StreamTokenizer.TT_EOF) {
        val result = if (words.sval == "image") {
            val height = int()
            val width = int()
            val spec = ImageSpecReader(::int, ::number).read()
            Preprocess.image(ByteArray(height * width * 3) { int().toByte() }, height, width, spec)
        } else {
            val spec = AudioSpec(int(), int(), int(), int(), int(), number(), number(), number())
            Preprocess.audio(ShortArray(int()) { int().toShort() }, spec)
        }
        result.forEach { out.write("${it.toRawBits().toLong() and 0xffffffffL} ") }
        out.write("\n")
    }
    out.flush()
}

class ImageSpecReader(val int: () -> Int, val number: () -> Double) {
    fun read(): ImageSpec {
        val colours = Colours.values()[int()]
        val sizes = IntArray(3) { int() }
        val filter = Filter.values()[int()]
        val antialias = int() != 0
        val crop = IntArray(2) { int() }
        val nhwc = int() != 0
        val divisor = number().toFloat()
        val channels = int()
        val mean = FloatArray(channels) { number().toFloat() }
        val std = FloatArray(channels) { number().toFloat() }
        return ImageSpec(
            colours, sizes[0], sizes[1], sizes[2], filter, antialias, crop[0], crop[1], divisor, mean, std, nhwc
        )
    }
}
