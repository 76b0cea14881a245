// Runs @@PATH@@ (@@PRECISION@@) in @@RUNTIME@@ on iOS: @@WHAT@@.
//
// Link: @@PACKAGE@@
// Copy this file@@BESIDE@@ into the app, and the unpacked bundle to where the app can read it;
// call selfTest() once on every kind of device.
//
// Examples of this form were checked once by the compiler of Swift 6.0 for Linux against declarations of the runtime's API,
// not against the library, and edgeproof's tests read them with a parser. This file has been neither built nor run.
@@REMARKS@@
import Foundation
@@IMPORTS@@

final class @@CLASS@@ {
    // What the artifact takes and gives, in its order.
    static let inputs: [Port] = [
@@INPUTS@@
    ]
    static let outputs: [Port] = [
@@OUTPUTS@@
    ]
    static let calls: [Call] = [
@@CALLS@@
    ]
@@ORIGINALS@@
    private let root: URL
    private let model: Model
@@LABELS@@
    /// `root` is the folder of the unpacked bundle.
    init(root: URL) throws {
        self.root = root
        model = try Model(file: root.appendingPathComponent(@@QUOTED_PATH@@))
@@READ_LABELS@@    }

    /// Real numbers in, real numbers out, in the order of `inputs` and `outputs`.
    func infer(_ tensors: [BundleTensor]) throws -> [BundleTensor] {
        let given = try zip(tensors, Self.inputs).map { try BundleFiles.quantize($0, $1) }
        return try zip(model.run(given), Self.outputs).map { try BundleFiles.dequantize($0, $1) }
    }

@@ANSWER@@
@@PREPROCESSING@@    /// Prints of the bundle's samples @@PRINTS@@.
    func printSamples() throws {
        for call in Self.calls {
            @@MUTABLE@@ given = try call.inputs.map { try BundleFiles.load(root, $0) }
@@FROM_ORIGINAL@@            print("sample \(call.sample): \(answer(try infer(given)))")
        }
    }

    /// What differs from the golden data, each in a sentence; nothing if this device gives what it should.
    func selfTest() throws -> [String] {
        @@MUTABLE_FOUND@@ found = try BundleFiles.selfTest(root, Self.calls, Self.outputs, infer: infer)
@@SELF_TEST@@        return found
    }

    /// `BUNDLE [--self-test]`: prints the samples' answers, or replays the golden data; the exit code, 1 on a difference.
    static func main(_ arguments: [String]) throws -> Int32 {
        let example = try @@CLASS@@(root: URL(fileURLWithPath: arguments.first { $0 != "--self-test" } ?? "."))
        guard arguments.contains("--self-test") else {
            try example.printSamples()
            return 0
        }
        let differences = try example.selfTest()
        differences.forEach { print($0) }
        return differences.isEmpty ? 0 : 1
    }

@@MODEL@@}
