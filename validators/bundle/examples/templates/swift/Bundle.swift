// Reads a bundle's golden files, turns real numbers into an artifact's integers and back, names labels, and tests itself.
// Swift 5.5 or newer and Foundation; every example in this folder uses it.
//
// Compiled once with Swift 6.0 for Linux, where it did what it should; edgeproof's tests read it with a parser. It has
// not been built for iOS.

import Foundation

enum ElementType: Int {
    case float16, float32, float64, int8, uint8, int16, uint16, int32, uint32, int64, uint64, boolean

    /// Bytes of one element.
    var size: Int {
        switch self {
        case .int8, .uint8, .boolean: return 1
        case .float16, .int16, .uint16: return 2
        case .float32, .int32, .uint32: return 4
        case .float64, .int64, .uint64: return 8
        }
    }
}

/// A tensor's values in C order, little-endian.
struct BundleTensor {
    let type: ElementType
    let shape: [Int]
    var bytes: Data

    var count: Int { shape.reduce(1, *) }

    private func number<Number>(_ place: Int, as kind: Number.Type) -> Number {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place * MemoryLayout<Number>.size, as: kind) }
    }

    /// Element `place` in C order, whatever the type.
    func value(_ place: Int) -> Double {
        switch type {
        case .float16: return BundleFiles.fromHalf(number(place, as: UInt16.self))
        case .float32: return Double(number(place, as: Float.self))
        case .float64: return number(place, as: Double.self)
        case .int8: return Double(number(place, as: Int8.self))
        case .uint8, .boolean: return Double(number(place, as: UInt8.self))
        case .int16: return Double(number(place, as: Int16.self))
        case .uint16: return Double(number(place, as: UInt16.self))
        case .int32: return Double(number(place, as: Int32.self))
        case .uint32: return Double(number(place, as: UInt32.self))
        case .int64: return Double(number(place, as: Int64.self))
        case .uint64: return Double(number(place, as: UInt64.self))
        }
    }
}

/// An input or output of an artifact. Where `scale` is not 0, its integers stand for (q - zeroPoint) * scale.
struct Port {
    let name: String
    let type: ElementType
    let scale: Double
    let zeroPoint: Int
}

/// A tensor in a file. `tolerance` is how far an output may be from it.
struct Stored {
    let file: String
    let type: ElementType
    let shape: [Int]
    let tolerance: Double
}

/// What an artifact was given for one sample, and what it answered, in the order of its inputs and outputs.
struct Call {
    let sample: Int
    let inputs: [Stored]
    let outputs: [Stored]
}

/// A sample before preprocessing: pixels (height, width, 3) of 8 bits, or samples of 16 bits.
struct Original {
    let sample: Int
    let file: String
    let shape: [Int]
}

struct BundleError: Error {
    let message: String
}

enum BundleFiles {
    static func load(_ root: URL, _ stored: Stored) throws -> BundleTensor {
        let bytes = try Data(contentsOf: root.appendingPathComponent(stored.file))
        let tensor = BundleTensor(type: stored.type, shape: stored.shape, bytes: bytes)
        guard bytes.count == tensor.count * stored.type.size else {
            throw BundleError(message: "\(stored.file) does not have the size of its tensor")
        }
        return tensor
    }

    static func lines(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    static func tensor(of values: [Float], shape: [Int]) throws -> BundleTensor {
        let tensor = BundleTensor(type: .float32, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
        guard tensor.count == values.count else {
            throw BundleError(message: "preprocessing gave another number of values")
        }
        return tensor
    }

    static func samples(_ content: Data) -> [Int16] {
        content.withUnsafeBytes { bytes in
            (0..<content.count / 2).map { bytes.loadUnaligned(fromByteOffset: $0 * 2, as: Int16.self) }
        }
    }

    static func fromHalf(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 31)
        let fraction = Double(bits & 1023)
        let size: Double
        switch exponent {
        case 31: size = fraction == 0 ? Double.infinity : Double.nan
        case 0: size = fraction * pow(2, -24)
        default: size = (fraction + 1024) * pow(2, Double(exponent - 25))
        }
        return bits >> 15 == 0 ? size : -size
    }

    /// What an input takes for real numbers: q = round(real / scale) + zeroPoint, clamped.
    static func quantize(_ real: BundleTensor, _ port: Port) throws -> BundleTensor {
        if port.scale == 0 { return real }
        switch port.type {
        case .int8: return integers(real, port, Int8.self)
        case .uint8: return integers(real, port, UInt8.self)
        case .int16: return integers(real, port, Int16.self)
        case .int32: return integers(real, port, Int32.self)
        default: throw BundleError(message: "\(port.name) has a type that is not quantised")
        }
    }

    private static func integers<Number: FixedWidthInteger>(
        _ real: BundleTensor, _ port: Port, _ kind: Number.Type
    ) -> BundleTensor {
        let values: [Number] = (0..<real.count).map { place in
            // Halves go to even numbers, as every runtime's own quantising does.
            let scaled = (Float(real.value(place)) / Float(port.scale)).rounded(.toNearestOrEven)
            return Number(min(max(Double(scaled) + Double(port.zeroPoint), Double(Number.min)), Double(Number.max)))
        }
        return BundleTensor(type: port.type, shape: real.shape, bytes: values.withUnsafeBytes { Data($0) })
    }

    /// What an output says in real numbers: (q - zeroPoint) * scale.
    static func dequantize(_ integers: BundleTensor, _ port: Port) throws -> BundleTensor {
        if port.scale == 0 { return integers }
        let values = (0..<integers.count).map { Float(integers.value($0) - Double(port.zeroPoint)) * Float(port.scale) }
        return try tensor(of: values, shape: integers.shape)
    }

    /// The label of the largest element of the last axis and that element; one element alone is the second label's
    /// probability, and the score is that of the label which is named.
    static func label(_ output: BundleTensor, _ labels: [String]) -> (name: String, score: Double) {
        let classes = output.shape.last ?? 1
        let first = output.value(0)
        if classes == 1 { return first >= 0.5 ? (labels[1], first) : (labels[0], 1 - first) }
        var best = 0
        for place in 1..<classes where output.value(place) > output.value(best) { best = place }
        return (labels[best], output.value(best))
    }

    /// How an output differs from what is stored; nil if it does not.
    static func difference(_ got: BundleTensor, _ expected: BundleTensor, _ tolerance: Double) -> String? {
        if got.shape != expected.shape || got.type != expected.type { return "has another shape or type" }
        for place in 0..<got.count {
            let (value, wanted) = (got.value(place), expected.value(place))
            if !(abs(value - wanted) <= tolerance) {
                return "element \(place) is \(value), expected \(wanted) within \(tolerance)"
            }
        }
        return nil
    }

    /// Replays every golden call; the differences, each in a sentence.
    static func selfTest(
        _ root: URL, _ calls: [Call], _ outputs: [Port], infer: ([BundleTensor]) throws -> [BundleTensor]
    ) throws -> [String] {
        var found: [String] = []
        for call in calls {
            let answers = try infer(call.inputs.map { try load(root, $0) })
            for (place, stored) in call.outputs.enumerated() {
                if let off = difference(answers[place], try load(root, stored), stored.tolerance) {
                    found.append("sample \(call.sample): output \(outputs[place].name) \(off)")
                }
            }
        }
        return found
    }

    /// Preprocesses every original and compares with input `input` of its call, bit by bit; the differences.
    static func preprocessingTest(
        _ root: URL, _ calls: [Call], _ input: Int, _ originals: [Original], preprocessed: (Original) throws -> [Float]
    ) throws -> [String] {
        var found: [String] = []
        for call in calls {
            guard let original = originals.first(where: { $0.sample == call.sample }) else { continue }
            let stored = try load(root, call.inputs[input])
            if try tensor(of: preprocessed(original), shape: stored.shape).bytes != stored.bytes {
                found.append("sample \(call.sample): preprocessing gives other bits than \(call.inputs[input].file)")
            }
        }
        return found
    }
}
