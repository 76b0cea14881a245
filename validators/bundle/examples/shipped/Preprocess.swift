// From pixels or samples to a model's input, as preprocess.json says: written to give images bit for bit what Python
// computes, with the same integers and the same order of operations.
//
// Not compiled where it was written: there was no Swift compiler. The self-test of the example that uses it says
// whether it does what it promises.

import Foundation

enum Colours { case rgb, bgr, grey }
enum Filter { case nearest, box, bilinear, bicubic }

/// A size of 0 stands for what preprocess.json leaves out; an empty mean or std too.
struct ImageSpec {
    var colours = Colours.rgb
    var resizeHeight = 0
    var resizeWidth = 0
    var shortest = 0
    var filter = Filter.bilinear
    var antialias = true
    var cropHeight = 0
    var cropWidth = 0
    var divisor: Float = 255
    var mean: [Float] = []
    var std: [Float] = []
    var nhwc = false
}

/// With fft = 0 the input is the samples themselves, otherwise their log-mel features (frames, mels).
struct AudioSpec {
    var rate = 0
    var window = 0
    var fft = 0
    var hop = 0
    var mels = 0
    var low = 0.0
    var high = 0.0
    var offset = 0.0
}

enum Preprocess {
    /// The input (1, C, H, W), or (1, H, W, C) with nhwc, of height * width pixels of red, green and blue.
    static func image(rgb: [UInt8], height: Int, width: Int, spec: ImageSpec) -> [Float] {
        var image = inColours(rgb, height, width, spec.colours)
        if spec.resizeHeight > 0 || spec.shortest > 0 { image = resized(image, spec) }
        if spec.cropHeight > 0 { image = centre(image, spec.cropHeight, spec.cropWidth) }
        var values = [Float](repeating: 0, count: image.pixels.count)
        for i in 0..<values.count {
            let c = i % image.channels
            var value = Float(image.pixels[i]) / spec.divisor
            if !spec.mean.isEmpty { value -= spec.mean[c] }
            if !spec.std.isEmpty { value /= spec.std[c] }
            values[spec.nhwc ? i : c * image.height * image.width + i / image.channels] = value
        }
        return values
    }

    /// The input (1, window), or (1, frames, mels) with fft, of samples of one channel at spec.rate Hz.
    static func audio(pcm: [Int16], spec: AudioSpec) -> [Float] {
        let values = (0..<spec.window).map { $0 < pcm.count ? Float(pcm[$0]) / 32768 : Float(0) }
        if spec.fft == 0 { return values }
        let corner = corners(spec)
        var features: [Float] = []
        for start in stride(from: 0, through: spec.window - spec.fft, by: spec.hop) {
            let windowed = (0..<spec.fft).map { (i: Int) -> Double in
                Double(values[start + i]) * (0.5 - 0.5 * cos(2 * Double.pi * Double(i) / Double(spec.fft)))
            }
            let (real, imaginary) = transform(windowed, [Double](repeating: 0, count: spec.fft))
            for band in 0..<spec.mels {
                var power = 0.0
                for k in 0...(spec.fft / 2) {
                    let hertz = Double(k) * Double(spec.rate) / Double(spec.fft)
                    let rising = (hertz - corner[band]) / (corner[band + 1] - corner[band])
                    let falling = (corner[band + 2] - hertz) / (corner[band + 2] - corner[band + 1])
                    power += max(0, min(rising, falling)) * (real[k] * real[k] + imaginary[k] * imaginary[k])
                }
                features.append(Float(log(power + spec.offset)))
            }
        }
        return features
    }

    /// Row by row, the channels of a pixel side by side, each 0 to 255.
    private struct Image {
        let height: Int
        let width: Int
        let channels: Int
        var pixels: [Int32]

        func at(_ y: Int, _ x: Int, _ c: Int) -> Int32 { pixels[(y * width + x) * channels + c] }

        func transposed() -> Image {
            var result: [Int32] = []
            result.reserveCapacity(pixels.count)
            for x in 0..<width { for y in 0..<height { for c in 0..<channels { result.append(at(y, x, c)) } } }
            return Image(height: width, width: height, channels: channels, pixels: result)
        }

        func select(rows: [Int], columns: [Int]) -> Image {
            var result: [Int32] = []
            result.reserveCapacity(rows.count * columns.count * channels)
            for y in rows { for x in columns { for c in 0..<channels { result.append(at(y, x, c)) } } }
            return Image(height: rows.count, width: columns.count, channels: channels, pixels: result)
        }
    }

    private static func inColours(_ rgb: [UInt8], _ height: Int, _ width: Int, _ colours: Colours) -> Image {
        let count = height * width
        switch colours {
        case .rgb:
            return Image(height: height, width: width, channels: 3, pixels: rgb.map { Int32($0) })
        case .bgr:
            let turned = (0..<(3 * count)).map { Int32(rgb[$0 / 3 * 3 + 2 - $0 % 3]) }
            return Image(height: height, width: width, channels: 3, pixels: turned)
        case .grey:
            let grey = (0..<count).map { (i: Int) -> Int32 in
                let red = Int32(rgb[3 * i]), green = Int32(rgb[3 * i + 1]), blue = Int32(rgb[3 * i + 2])
                return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
            }
            return Image(height: height, width: width, channels: 1, pixels: grey)
        }
    }

    private static func resized(_ image: Image, _ spec: ImageSpec) -> Image {
        var height = spec.resizeHeight, width = spec.resizeWidth
        if spec.shortest > 0 {
            let upright = image.height > image.width
            height = upright ? spec.shortest * image.height / image.width : spec.shortest
            width = upright ? spec.shortest : spec.shortest * image.width / image.height
        }
        if spec.filter == .nearest {
            return image.select(rows: nearest(image.height, height), columns: nearest(image.width, width))
        }
        let wide = alongRows(image, width, spec.filter, spec.antialias)
        return alongRows(wide.transposed(), height, spec.filter, spec.antialias).transposed()
    }

    /// The source position of every new one; steps are added up one by one, since that is how they round.
    private static func nearest(_ before: Int, _ after: Int) -> [Int] {
        let step = Double(before) / Double(after)
        var place = step * 0.5
        var positions: [Int] = []
        for _ in 0..<after {
            positions.append(Int(place))
            place += step
        }
        return positions
    }

    /// Rows of `width` pixels, each the weighted sum of source pixels in integers with 22 bits of fraction.
    private static func alongRows(_ image: Image, _ width: Int, _ filter: Filter, _ antialias: Bool) -> Image {
        let scale = Double(image.width) / Double(width)
        let widened = antialias ? max(scale, 1) : 1
        let reach = (filter == .box ? 0.5 : filter == .bilinear ? 1.0 : 2.0) * widened
        var result = [Int32](repeating: 0, count: image.height * width * image.channels)
        for x in 0..<width {
            let centre = (Double(x) + 0.5) * scale
            let first = max(Int(centre - reach + 0.5), 0)
            let last = min(Int(centre + reach + 0.5), image.width)
            let shares = (first..<last).map { kernel(filter, (Double($0) - centre + 0.5) * (1 / widened)) }
            let total = shares.reduce(0, +)
            let weights = shares.map { (raw: Double) -> Int32 in
                let share = total == 0 ? raw : raw / total
                return Int32(share * 4_194_304 + (share < 0 ? -0.5 : 0.5))
            }
            for y in 0..<image.height {
                for c in 0..<image.channels {
                    var sum: Int32 = 1 << 21
                    for tap in 0..<weights.count { sum += image.at(y, first + tap, c) * weights[tap] }
                    result[(y * width + x) * image.channels + c] = min(max(sum >> 22, 0), 255)
                }
            }
        }
        return Image(height: image.height, width: width, channels: image.channels, pixels: result)
    }

    private static func kernel(_ filter: Filter, _ signed: Double) -> Double {
        let x = abs(signed)
        if filter == .box { return signed > -0.5 && signed <= 0.5 ? 1 : 0 }
        if filter == .bilinear { return max(1 - x, 0) }
        if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * -0.5 }
        return 0
    }

    private static func centre(_ image: Image, _ height: Int, _ width: Int) -> Image {
        precondition(height <= image.height && width <= image.width, "an image smaller than what is cut out of it")
        let top = offset(image.height - height), left = offset(image.width - width)
        return image.select(rows: Array(top..<(top + height)), columns: Array(left..<(left + width)))
    }

    /// Half of what is spare; where that is no whole number, the even one of the two beside it.
    private static func offset(_ spare: Int) -> Int { (spare + ((spare >> 1) & 1)) >> 1 }

    /// The discrete Fourier transform: halves as long as there are halves, then by its definition.
    private static func transform(_ real: [Double], _ imaginary: [Double]) -> ([Double], [Double]) {
        let n = real.count
        var re = [Double](repeating: 0, count: n), im = re
        if n % 2 == 1 {
            for k in 0..<n {
                for i in 0..<n {
                    let angle = -2 * Double.pi * Double(i * k % n) / Double(n)
                    re[k] += real[i] * cos(angle) - imaginary[i] * sin(angle)
                    im[k] += real[i] * sin(angle) + imaginary[i] * cos(angle)
                }
            }
            return (re, im)
        }
        let evens = stride(from: 0, to: n, by: 2), odds = stride(from: 1, to: n, by: 2)
        let (evenRe, evenIm) = transform(evens.map { real[$0] }, evens.map { imaginary[$0] })
        let (oddRe, oddIm) = transform(odds.map { real[$0] }, odds.map { imaginary[$0] })
        for k in 0..<(n / 2) {
            let angle = -2 * Double.pi * Double(k) / Double(n)
            let turnedRe = oddRe[k] * cos(angle) - oddIm[k] * sin(angle)
            let turnedIm = oddRe[k] * sin(angle) + oddIm[k] * cos(angle)
            re[k] = evenRe[k] + turnedRe
            im[k] = evenIm[k] + turnedIm
            re[k + n / 2] = evenRe[k] - turnedRe
            im[k + n / 2] = evenIm[k] - turnedIm
        }
        return (re, im)
    }

    private static func mel(_ hertz: Double) -> Double { 2595 * log10(1 + hertz / 700) }

    /// The corners of all triangles in Hz, equally far apart on the HTK mel scale.
    private static func corners(_ spec: AudioSpec) -> [Double] {
        let low = mel(spec.low), high = mel(spec.high)
        return (0..<(spec.mels + 2)).map { (i: Int) -> Double in
            700 * (pow(10, (low + (high - low) * Double(i) / Double(spec.mels + 1)) / 2595) - 1)
        }
    }
}
