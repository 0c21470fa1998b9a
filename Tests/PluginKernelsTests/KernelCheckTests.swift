import CTestKernels
import PluginKernels
import Programs
import Testing

/// Kernels are tried before they are used; each broken one fails by its rule.
struct KernelCheckTests {
    private typealias Sdot = @convention(c) (Int32, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?, Int32) -> Float
    private typealias WritingSine =
        @convention(c) (
            UnsafeMutablePointer<Float>?, Int64, Float, UnsafeMutablePointer<Float>?
        ) -> Void
    private typealias Cumulate =
        @convention(c) (UnsafePointer<Float>?, Int64, Int64, UnsafeMutablePointer<Float>?) -> Void

    /// The error of the check; nil where the kernel stands it.
    private func check(
        _ signature: String, _ forward: CFunction, vjp: (String, CFunction)? = nil, scalars: [Double] = [],
        isTokenLocal: Bool = false, _ types: TensorType...
    ) throws -> String? {
        let (kernel, functions) = try registered(
            "tried", signature, forward, vjp: vjp, isTokenLocal: isTokenLocal)
        let g = GraphBuilder()
        let value = g.call(kernel, types.enumerated().map { g.parameter($0, $1) }, scalars: scalars)
        let graph = try g.finish([value])
        do throws(ProgramError) {
            try KernelCheck(graph.node(value), operands: types, functions, integers: [:]).run()
            return nil
        } catch {
            return error.message
        }
    }

    private let line = TensorType([37])

    @Test func goodKernelsStandIt() throws {
        let vjp = (TestKernels.sineVJP, address(tk_sine_vjp as SineVJP))
        #expect(try check(TestKernels.sine, address(tk_sine as Sine), vjp: vjp, scalars: [3], line) == nil)
        #expect(try check(TestKernels.sine, address(tk_sine as Sine), vjp: vjp, scalars: [3], TensorType([0])) == nil)
        // A kink, and a function that has values for positive operands only.
        for size in [1, 37, 3000] {
            let type = TensorType([Dim(size)])
            let relu = (TestKernels.mapVJP, address(tk_relu_vjp as MapVJP))
            #expect(try check(TestKernels.map, address(tk_relu as Map), vjp: relu, type) == nil)
            let log = (TestKernels.mapVJP, address(tk_log_vjp as MapVJP))
            #expect(try check(TestKernels.map, address(tk_log as Map), vjp: log, type) == nil)
        }
    }

    @Test func aWrongGradientIsFound() throws {
        let vjp = (TestKernels.sineVJP, address(tk_sine_wrong_vjp as SineVJP))
        let error = try check(TestKernels.sine, address(tk_sine as Sine), vjp: vjp, scalars: [3], line)
        #expect(
            error?.hasPrefix(
                "the kernel tried, its vjp: the gradient by array 0, f32[37], is wrong: along a random direction it is "
            )
                == true, "\(error ?? "nil")")
        // The gradient of another function.
        let other = (TestKernels.mapVJP, address(tk_log_vjp as MapVJP))
        #expect(try check(TestKernels.map, address(tk_relu as Map), vjp: other, line)?.contains("array 0") == true)
    }

    @Test func aStrayWriteIsFound() throws {
        #expect(
            try check(TestKernels.sine, address(tk_writes_behind as Sine), scalars: [1], line)
                == "the kernel tried: writes outside of its arrays: byte 148 of result 0, which has 148")
        #expect(
            try check(TestKernels.sine, address(tk_writes_before as Sine), scalars: [1], line)
                == "the kernel tried: writes outside of its arrays: byte -1 of result 0, which has 148")
        #expect(
            try check(TestKernels.sine, address(tk_writes_operand as WritingSine), scalars: [1], line)
                == "the kernel tried: writes to operand 0, which is not its own: mark it as inout")
    }

    @Test func whatIsNotAFunctionIsFound() throws {
        #expect(
            try check(TestKernels.sine, address(tk_leaves_last as Sine), scalars: [1], line)
                == "the kernel tried: leaves element 36 of result 0, which has 37, unwritten")
        #expect(
            try check(TestKernels.sine, address(tk_counts as Sine), scalars: [1], line)
                == "the kernel tried: two calls on the same operands give result 0 with different bits at element 0")
        #expect(
            try check(TestKernels.sine, address(tk_not_a_number as Sine), scalars: [1], line)
                == "the kernel tried: gives nan in element 0 of result 0 for operands between -1 and 1")
    }

    @Test func whatMixesTokensIsFound() throws {
        let signature = "(in f32[n,d], n: i64, d: i64) -> out f32[n,d]"
        #expect(
            try check(signature, address(tk_cumulates as Cumulate), isTokenLocal: true, TensorType([.tokens, 4]))?
                .hasPrefix("the kernel tried: is marked as token-local, but gives token 1 another result 0") == true)
        // On parameters it may.
        #expect(try check(signature, address(tk_cumulates as Cumulate), TensorType([5, 4])) == nil)
    }
}
