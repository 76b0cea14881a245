// From pixels or samples to a model's input, as preprocess.json says: images bit for bit what Python computes.
//
// Compiled with Kotlin 1.3 for the JVM, where our tests hold it against Python; not built for Android.

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sin

enum class Colours { RGB, BGR, GREY }
enum class Filter { NEAREST, BOX, BILINEAR, BICUBIC }

/** A size of 0 stands for what preprocess.json leaves out; an empty mean or std too. */
class ImageSpec(
    val colours: Colours = Colours.RGB,
    val resizeHeight: Int = 0,
    val resizeWidth: Int = 0,
    val shortest: Int = 0,
    val filter: Filter = Filter.BILINEAR,
    val antialias: Boolean = true,
    val cropHeight: Int = 0,
    val cropWidth: Int = 0,
    val divisor: Float = 255f,
    val mean: FloatArray = floatArrayOf(),
    val std: FloatArray = floatArrayOf(),
    val nhwc: Boolean = false
)

/** With fft = 0 the input is the samples themselves, otherwise their log-mel features (frames, mels). */
class AudioSpec(
    val rate: Int,
    val window: Int,
    val fft: Int = 0,
    val hop: Int = 0,
    val mels: Int = 0,
    val low: Double = 0.0,
    val high: Double = 0.0,
    val offset: Double = 0.0
)

object Preprocess {
    /** The input (1, C, H, W), or (1, H, W, C) with nhwc, of height * width pixels of red, green and blue. */
    fun image(rgb: ByteArray, height: Int, width: Int, spec: ImageSpec): FloatArray {
        var image = inColours(rgb, height, width, spec.colours)
        if (spec.resizeHeight > 0 || spec.shortest > 0) image = resized(image, spec)
        if (spec.cropHeight > 0) image = centre(image, spec.cropHeight, spec.cropWidth)
        val values = FloatArray(image.pixels.size)
        for (i in values.indices) {
            val c = i % image.channels
            var value = image.pixels[i].toFloat() / spec.divisor
            if (spec.mean.isNotEmpty()) value -= spec.mean[c]
            if (spec.std.isNotEmpty()) value /= spec.std[c]
            values[if (spec.nhwc) i else c * image.height * image.width + i / image.channels] = value
        }
        return values
    }

    /** The input (1, window), or (1, frames, mels) with fft, of samples of one channel at spec.rate Hz. */
    fun audio(pcm: ShortArray, spec: AudioSpec): FloatArray {
        val values = FloatArray(spec.window) { if (it < pcm.size) pcm[it] / 32768f else 0f }
        if (spec.fft == 0) return values
        val corner = corners(spec)
        val frames = 1 + (spec.window - spec.fft) / spec.hop
        val features = FloatArray(frames * spec.mels)
        for (frame in 0 until frames) {
            val windowed = DoubleArray(spec.fft) {
                values[frame * spec.hop + it] * (0.5 - 0.5 * cos(2 * PI * it / spec.fft))
            }
            val (real, imaginary) = transform(windowed, DoubleArray(spec.fft))
            for (band in 0 until spec.mels) {
                var power = 0.0
                for (k in 0..spec.fft / 2) {
                    val hertz = k.toDouble() * spec.rate / spec.fft
                    val rising = (hertz - corner[band]) / (corner[band + 1] - corner[band])
                    val falling = (corner[band + 2] - hertz) / (corner[band + 2] - corner[band + 1])
                    power += max(0.0, min(rising, falling)) * (real[k] * real[k] + imaginary[k] * imaginary[k])
                }
                features[frame * spec.mels + band] = ln(power + spec.offset).toFloat()
            }
        }
        return features
    }

    /** Row by row, the channels of a pixel side by side, each 0 to 255. */
    private class Image(val height: Int, val width: Int, val channels: Int, val pixels: IntArray) {
        operator fun get(y: Int, x: Int, c: Int) = pixels[(y * width + x) * channels + c]

        fun select(newHeight: Int, newWidth: Int, row: (Int) -> Int, column: (Int) -> Int): Image {
            val result = IntArray(newHeight * newWidth * channels)
            var i = 0
            for (y in 0 until newHeight) for (x in 0 until newWidth) for (c in 0 until channels) {
                result[i++] = this[row(y), column(x), c]
            }
            return Image(newHeight, newWidth, channels, result)
        }

        fun transposed(): Image {
            val result = IntArray(pixels.size)
            var i = 0
            for (x in 0 until width) for (y in 0 until height) for (c in 0 until channels) result[i++] = this[y, x, c]
            return Image(width, height, channels, result)
        }
    }

    private fun inColours(rgb: ByteArray, height: Int, width: Int, colours: Colours): Image {
        fun at(pixel: Int, channel: Int) = rgb[3 * pixel + channel].toInt() and 255
        if (colours == Colours.GREY) {
            val grey = IntArray(height * width) {
                (19595 * at(it, 0) + 38470 * at(it, 1) + 7471 * at(it, 2) + 32768) shr 16
            }
            return Image(height, width, 1, grey)
        }
        val bgr = colours == Colours.BGR
        return Image(height, width, 3, IntArray(height * width * 3) { at(it / 3, if (bgr) 2 - it % 3 else it % 3) })
    }

    private fun resized(image: Image, spec: ImageSpec): Image {
        var height = spec.resizeHeight
        var width = spec.resizeWidth
        if (spec.shortest > 0) {
            val side = spec.shortest.toLong()
            val upright = image.height > image.width
            height = if (upright) (side * image.height / image.width).toInt() else spec.shortest
            width = if (upright) spec.shortest else (side * image.width / image.height).toInt()
        }
        if (spec.filter == Filter.NEAREST) {
            val rows = nearest(image.height, height)
            val columns = nearest(image.width, width)
            return image.select(height, width, { rows[it] }, { columns[it] })
        }
        val wide = alongRows(image, width, spec.filter, spec.antialias)
        return alongRows(wide.transposed(), height, spec.filter, spec.antialias).transposed()
    }

    /** The source position of every new one; steps are added up one by one, since that is how they round. */
    private fun nearest(before: Int, after: Int): IntArray {
        val step = before.toDouble() / after
        var place = step * 0.5
        return IntArray(after) { place.toInt().also { place += step } }
    }

    /** Rows of `width` pixels, each the weighted sum of source pixels in integers with 22 bits of fraction. */
    private fun alongRows(image: Image, width: Int, filter: Filter, antialias: Boolean): Image {
        val scale = image.width.toDouble() / width
        val widened = if (antialias) max(scale, 1.0) else 1.0
        val reach = widened * when (filter) {
            Filter.BICUBIC -> 2.0
            Filter.BILINEAR -> 1.0
            else -> 0.5
        }
        val result = IntArray(image.height * width * image.channels)
        for (x in 0 until width) {
            val centre = (x + 0.5) * scale
            val first = max((centre - reach + 0.5).toInt(), 0)
            val last = min((centre + reach + 0.5).toInt(), image.width)
            val shares = DoubleArray(last - first) { kernel(filter, (it + first - centre + 0.5) * (1.0 / widened)) }
            val total = shares.sum()
            val weights = IntArray(shares.size) {
                val share = if (total != 0.0) shares[it] / total else shares[it]
                (share * (1 shl 22) + (if (share < 0) -0.5 else 0.5)).toInt()
            }
            for (y in 0 until image.height) for (c in 0 until image.channels) {
                var sum = 1 shl 21
                for (tap in weights.indices) sum += image[y, first + tap, c] * weights[tap]
                result[(y * width + x) * image.channels + c] = (sum shr 22).coerceIn(0, 255)
            }
        }
        return Image(image.height, width, image.channels, result)
    }

    private fun kernel(filter: Filter, signed: Double): Double {
        val x = abs(signed)
        return when {
            filter == Filter.BOX -> if (signed > -0.5 && signed <= 0.5) 1.0 else 0.0
            filter == Filter.BILINEAR -> max(1.0 - x, 0.0)
            x < 1.0 -> (1.5 * x - 2.5) * x * x + 1.0
            x < 2.0 -> (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
            else -> 0.0
        }
    }

    private fun centre(image: Image, height: Int, width: Int): Image {
        require(height <= image.height && width <= image.width) {
            "an image of ${image.height} x ${image.width} has no centre of $height x $width"
        }
        val top = offset(image.height - height)
        val left = offset(image.width - width)
        return image.select(height, width, { top + it }, { left + it })
    }

    /** Half of what is spare; where that is no whole number, the even one of the two beside it. */
    private fun offset(spare: Int) = (spare + ((spare shr 1) and 1)) shr 1

    /** The discrete Fourier transform: halves as long as there are halves, then by its definition. */
    private fun transform(real: DoubleArray, imaginary: DoubleArray): Pair<DoubleArray, DoubleArray> {
        val n = real.size
        val re = DoubleArray(n)
        val im = DoubleArray(n)
        if (n % 2 == 1) {
            for (k in 0 until n) for (i in 0 until n) {
                val angle = -2 * PI * (i.toLong() * k % n) / n
                re[k] += real[i] * cos(angle) - imaginary[i] * sin(angle)
                im[k] += real[i] * sin(angle) + imaginary[i] * cos(angle)
            }
            return Pair(re, im)
        }
        val half = n / 2
        val (evenRe, evenIm) = transform(DoubleArray(half) { real[2 * it] }, DoubleArray(half) { imaginary[2 * it] })
        val (oddRe, oddIm) =
            transform(DoubleArray(half) { real[2 * it + 1] }, DoubleArray(half) { imaginary[2 * it + 1] })
        for (k in 0 until half) {
            val angle = -2 * PI * k / n
            val turnedRe = oddRe[k] * cos(angle) - oddIm[k] * sin(angle)
            val turnedIm = oddRe[k] * sin(angle) + oddIm[k] * cos(angle)
            re[k] = evenRe[k] + turnedRe
            im[k] = evenIm[k] + turnedIm
            re[k + half] = evenRe[k] - turnedRe
            im[k + half] = evenIm[k] - turnedIm
        }
        return Pair(re, im)
    }

    private fun mel(hertz: Double) = 2595.0 * log10(1.0 + hertz / 700.0)

    /** The corners of all triangles in Hz, equally far apart on the HTK mel scale. */
    private fun corners(spec: AudioSpec): DoubleArray {
        val low = mel(spec.low)
        val high = mel(spec.high)
        return DoubleArray(spec.mels + 2) {
            700.0 * (10.0.pow((low + (high - low) * it / (spec.mels + 1)) / 2595.0) - 1.0)
        }
    }
}
