// Runs @@PATH@@ (@@PRECISION@@) in @@RUNTIME@@ on Android: @@WHAT@@.
//
// Gradle: implementation("@@PACKAGE@@"), in the newest version that you have tested
// Copy this file@@BESIDE@@ into the app, and the unpacked bundle to where the app can read it;
// call selfTest() once on every kind of device.
//
@@CHECKED@@
@@REMARKS@@@@IMPORTS@@
import java.io.Closeable
import java.io.File

class @@CLASS@@(private val root: File) : Closeable {
    private val model = Model(File(root, @@QUOTED_PATH@@))
@@LABELS@@
    /** Real numbers in, real numbers out, in the order of `INPUTS` and `OUTPUTS`. */
    fun infer(tensors: List<Tensor>): List<Tensor> {
        val outputs = model.run(tensors.mapIndexed { place, tensor -> BundleFiles.quantize(tensor, INPUTS[place]) })
        return outputs.mapIndexed { place, tensor -> BundleFiles.dequantize(tensor, OUTPUTS[place]) }
    }

@@ANSWER@@
@@PREPROCESSING@@    /** Prints of the bundle's samples @@PRINTS@@. */
    fun printSamples() {
        for (call in CALLS) {
            val inputs = call.inputs.map { BundleFiles.load(root, it) }.toMutableList()
@@FROM_ORIGINAL@@            println("sample ${call.sample}: ${answer(infer(inputs))}")
        }
    }

    /** What differs from the golden data, each in a sentence; nothing if this device gives what it should. */
    fun selfTest(): List<String> = BundleFiles.selfTest(root, CALLS, OUTPUTS) { infer(it) }@@SELF_TEST@@

    override fun close() = model.close()

@@MODEL@@
    companion object {
        // What the artifact takes and gives, in its order.
        val INPUTS = listOf(
@@INPUTS@@
        )
        val OUTPUTS = listOf(
@@OUTPUTS@@
        )
        val CALLS = listOf(
@@CALLS@@
        )
@@ORIGINALS@@
        /** `BUNDLE [--self-test]`: prints the samples' answers, or replays the golden data and ends with 1 on a difference. */
        @JvmStatic
        fun main(arguments: Array<String>) {
            val root = File(arguments.firstOrNull { it != "--self-test" } ?: ".")
            val differences = @@CLASS@@(root).use { example ->
                if ("--self-test" in arguments) example.selfTest() else emptyList<String>().also { example.printSamples() }
            }
            differences.forEach { println(it) }
            if (differences.isNotEmpty()) System.exit(1)
        }
    }
}
