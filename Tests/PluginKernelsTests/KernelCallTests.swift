import CTestKernels
import Engine
import PluginKernels
import Programs
import Testing

/// Kernels inside graphs: what they give, and what they refuse.
struct KernelCallTests {
    private typealias Product =
        @convention(c) (
            UnsafePointer<Float>?, UnsafePointer<Float>?, Int64, Int64, Int64, UnsafeMutablePointer<Float>?
        ) -> Void
    private typealias ProductVJP =
        @convention(c) (
            UnsafePointer<Float>?, UnsafePointer<Float>?, Int64, Int64, Int64, UnsafePointer<Float>?,
            UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    private typealias Saxpy =
        @convention(c) (
            Int32, Float, UnsafePointer<Float>?, Int32, UnsafeMutablePointer<Float>?, Int32
        ) -> Void
    private typealias Sdot = @convention(c) (Int32, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?, Int32) -> Float
    private typealias Types =
        @convention(c) (
            UnsafePointer<Int32>?, Int32, UInt32, Int64, UInt64, Float, Double, UnsafeMutablePointer<Float>?
        ) -> Void

    /// The outputs of a graph over parameters with these values, by the engine.
    private func run(
        _ graph: Graph, _ parameters: [[Float]], tokens: Int = 0, threads: Int = 1
    ) throws -> [[Float]] {
        let sizes = Sizes(tokens: tokens, rows: 0, targets: 0)
        let buffers = parameters.map { Buffer($0) }
        let executable = try Executable(graph, capacity: Sizes(tokens: 8, rows: 1, targets: 1)) {
            node throws(EngineError) in
            .memory(buffers[node.attributes.integers[0]].raw)
        }
        executable.run(RunContext(sizes: sizes), on: WorkerPool(threads: threads))
        return withExtendedLifetime(buffers) { graph.outputs.indices.map { executable.array($0, sizes) } }
    }

    private func values(_ count: Int, _ shift: Double = 0) -> [Float] {
        (0..<count).map { Float((Double($0) * 0.37 + shift).truncatingRemainder(dividingBy: 2) - 1) }
    }

    private func isNear(_ a: [Float], _ b: [Float], _ tolerance: Float = 1e-5) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    /// sum(w · 2 sin(a·b)) and its gradients by a and b: with kernels, and with operators.
    @Test(arguments: [1, 2]) func aKernelIsAsTheOperatorsThatItStandsFor(threads: Int) throws {
        let product = try registered(
            "product", TestKernels.product, address(tk_matmul as Product),
            vjp: (TestKernels.productVJP, address(tk_matmul_vjp as ProductVJP))
        ).kernel
        let sine = try tokenSine()
        func graph(isKernel: Bool) throws -> Graph {
            let g = GraphBuilder()
            let a = g.parameter(0, TensorType([4, 5])), b = g.parameter(1, TensorType([5, 3]))
            let w = g.parameter(2, TensorType([4, 3]))
            let c = isKernel ? g.call(product, [a, b]) : g.matmul(a, b)
            let y = isKernel ? g.call(sine, [c], scalars: [2]) : g.mul(g.unary(.sin, c), g.constant(2))
            let loss = g.reduce(.sum, g.mul(w, y))
            return try g.finish([y, loss] + g.gradients(of: loss, by: [a, b]).map { $0 ?? .none })
        }
        let parameters = [values(20), values(15, 0.2), values(12, 0.7)]
        let kernels = try run(graph(isKernel: true), parameters, threads: threads)
        let operators = try run(graph(isKernel: false), parameters, threads: threads)
        for (a, b) in zip(kernels, operators) { #expect(isNear(a, b)) }
        #expect(kernels[2].contains { abs($0) > 0.1 })
        #expect(try run(graph(isKernel: true), parameters, threads: 1) == kernels)
    }

    @Test(arguments: [0, 1, 5]) func aTokenLocalKernelSeesAllTokens(tokens: Int) throws {
        let kernel = try tokenSine()
        let g = GraphBuilder(scope: .tokenLocal)
        let graph = try g.finish([g.call(kernel, [g.parameter(0, TensorType([.tokens, 3]))], scalars: [1])])
        let x = values(24)
        #expect(isNear(try run(graph, [x], tokens: tokens)[0], x.prefix(tokens * 3).map { Float(_sin($0)) }))
    }

    private func _sin(_ x: Float) -> Double {
        let evaluated = try? Evaluator.run(
            Graph(
                nodes: [
                    Node(.constant, [], Attributes(integers: [0], scalars: [Double(x)]), results: [.scalar]),
                    Node(.sin, [Value(0)], Attributes(), results: [.scalar]),
                ], outputs: [Value(1)])
        ) { _ throws(ProgramError) in throw ProgramError("") }
        return evaluated?[0].values[0] ?? .nan
    }

    @Test func libraryRoutinesNeedNoWrapper() throws {
        let saxpy = try registered("saxpy", TestKernels.saxpy, address(tk_saxpy as Saxpy)).kernel
        let sdot = try registered("sdot", TestKernels.sdot, address(tk_sdot as Sdot)).kernel
        let g = GraphBuilder()
        let x = g.parameter(0, TensorType([6])), y = g.parameter(1, TensorType([6]))
        let sum = g.call(saxpy, [x, y], scalars: [0.5])
        let graph = try g.finish([sum, g.call(sdot, [x, sum]), y])
        let (a, b) = (values(6), values(6, 0.4))
        let results = try run(graph, [a, b])
        let expected = zip(a, b).map { 0.5 * $0 + $1 }
        #expect(isNear(results[0], expected))
        #expect(isNear(results[1], [zip(a, expected).reduce(0) { $0 + $1.0 * $1.1 }]))
        // The operand of an inout array is left as it was.
        #expect(results[2] == b)
    }

    @Test func everyTypeOfAnArgumentArrives() throws {
        let kernel = try registered(
            "types", "(in i32[1], a: i32, b: u32, c: i64, d: u64, e: f32, f: f64) -> out f32[7]",
            address(tk_types as Types)
        ).kernel
        let g = GraphBuilder()
        let x = g.constant([-7], shape: [1], dtype: .i32)
        let scalars = [-3, 4_000_000_000, -5_000_000_000, 6_000_000_000, 0.25, -1.5]
        let graph = try g.finish([g.call(kernel, [x], scalars: scalars)])
        #expect(try run(graph, []) == [[-7, -3, 4e9, -5e9, 6e9, 0.25, -1.5]])
    }

    @Test func theFloatingPointModeIsPutBack() throws {
        let kernel = try registered("flushing", TestKernels.map, address(tk_flushing as Map)).kernel
        let g = GraphBuilder()
        let x = g.parameter(0, TensorType([2]))
        let small = g.mul(x, g.constant(0.5))
        let graph = try g.finish([g.mul(g.call(kernel, [small]), g.constant(0.5))])
        // Denormal, where the mode is as it was.
        #expect(try run(graph, [[Float.leastNormalMagnitude, 1]])[0] == [Float.leastNormalMagnitude / 4, 0.25])
    }

    @Test func aKernelOfALibraryThatIsNotThereCannotRun() throws {
        let kernel = try Kernel(
            plugin: "Gone", name: "k", signature: TestKernels.map, vjpSignature: nil, isTokenLocal: false)
        let g = GraphBuilder()
        let graph = try g.finish([g.call(kernel, [g.parameter(0, TensorType([2]))])])
        let error = #expect(throws: EngineError.self) { try run(graph, [[1, 2]]) }
        #expect(error?.message == "the kernel k is code of the plugin Gone, whose library is not loaded")
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let sine = try sine()
        let name = "the kernel sine \(TestKernels.sine): "
        func message(_ scope: GraphBuilder.Scope = .host, _ build: (GraphBuilder) -> Value) -> String? {
            let g = GraphBuilder(scope: scope)
            _ = build(g)
            return g.error?.message
        }
        let x = TensorType([3])
        #expect(message { $0.call(sine, [], scalars: [1]) } == name + "takes 1 arrays, not 0")
        #expect(message { $0.call(sine, [$0.parameter(0, x)]) } == name + "takes 1 scalars, not 0")
        #expect(
            message { $0.call(sine, [$0.parameter(0, TensorType([3, 1]))], scalars: [1]) }
                == name + "array 0 is f32[3,1], and must be f32[n]")
        #expect(
            message { $0.call(sine, [$0.parameter(0, x)], scalars: [.infinity]) } == name
                + "scale is inf, which no f32 can be")
        #expect(
            message(.tokenLocal) { $0.call(sine, [$0.parameter(0, TensorType([.tokens]))], scalars: [1]) }
                == name + "array 0 is f32[N], but the kernel is not marked as token-local")
        let sum = try Kernel(
            plugin: "Test", name: "sum", signature: "(in f32[n,d], n: i64, d: i64) -> out f32[d]", vjpSignature: nil,
            isTokenLocal: true)
        #expect(
            message(.tokenLocal) { $0.call(sum, [$0.parameter(0, TensorType([.tokens, 2]))]) }?
                .hasPrefix("call(f32[N,2]) is not token-local") == true)
        #expect(
            message(.parameters) { g in
                let x = g.parameter(0, x)
                return g.append(.call, [x, x], sine.attributes(.vjp, scalars: [1]))
            } == "call: a kernel's vector-Jacobian product is the host's to call")
        let g = GraphBuilder()
        let p = g.parameter(0, x)
        let constant = try Kernel(
            plugin: "Test", name: "c", signature: TestKernels.map, vjpSignature: nil, isTokenLocal: false)
        _ = g.gradients(of: g.reduce(.sum, g.call(constant, [p])), by: [p])
        #expect(g.error?.message == "the kernel c of Test has no vector-Jacobian product")
    }

    /// What an adapter stores.
    @Test func aCallIsCodedAndShown() throws {
        let g = GraphBuilder(scope: .tokenLocal)
        let graph = try g.finish([g.call(try tokenSine(), [g.parameter(0, TensorType([.tokens, 3]))], scalars: [0.5])])
        let decoded = try Graph.decode(graph.encode())
        #expect(decoded == graph)
        try decoded.verify(scope: .tokenLocal)
        #expect(graph.text.contains("%1 = call(%0, kernel: Test.token-sine, scale: 0.5) : f32[N,3]"))
    }
}
