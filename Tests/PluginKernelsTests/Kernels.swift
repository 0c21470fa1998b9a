import CTestKernels
import PluginKernels
import Programs

/// A function of Tests/TestKernels, as C's linker knows it.
typealias CFunction = @convention(c) () -> Void

enum TestKernels {
    static let sine = "(in f32[n], n: i64, scale: f32) -> out f32[n]"
    static let sineVJP = "(in f32[n], n: i64, scale: f32, in f32[n]) -> out f32[n]"
    static let product = "(in f32[m,k], in f32[k,n], m: i64, k: i64, n: i64) -> out f32[m,n]"
    static let productVJP =
        "(in f32[m,k], in f32[k,n], m: i64, k: i64, n: i64, in f32[m,n]) -> out f32[m,k], out f32[k,n]"
    static let saxpy = "(n: i32, alpha: f32, in f32[n], 1: i32, inout f32[n], 1: i32)"
    static let sdot = "(n: i32, in f32[n], 1: i32, in f32[n], 1: i32) -> f32"
    static let map = "(in f32[n], n: i64) -> out f32[n]"
    static let mapVJP = "(in f32[n], n: i64, in f32[n]) -> out f32[n]"
}

func address<T>(_ function: T) -> CFunction { unsafeBitCast(function, to: CFunction.self) }

typealias Map = @convention(c) (UnsafePointer<Float>?, Int64, UnsafeMutablePointer<Float>?) -> Void
typealias MapVJP =
    @convention(c) (
        UnsafePointer<Float>?, Int64, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
    ) -> Void
typealias Sine = @convention(c) (UnsafePointer<Float>?, Int64, Float, UnsafeMutablePointer<Float>?) -> Void
typealias SineVJP =
    @convention(c) (
        UnsafePointer<Float>?, Int64, Float, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
    ) -> Void

/// A kernel and its functions, known to the engine under a name of its own.
func registered(
    _ name: String, _ signature: String, _ forward: CFunction, vjp: (String, CFunction)? = nil,
    isTokenLocal: Bool = false
) throws -> (kernel: Kernel, functions: KernelFunctions) {
    let kernel = try Kernel(
        plugin: "Test", name: name, signature: signature, vjpSignature: vjp?.0, isTokenLocal: isTokenLocal)
    let functions = KernelFunctions(
        forward: try KernelFunction(kernel.signature, forward),
        vjp: try vjp.map { try KernelFunction(kernel.vjpSignature!, $0.1) })
    KernelFunctions.register(kernel, functions)
    return (kernel, functions)
}

func sine() throws -> Kernel {
    try registered(
        "sine", TestKernels.sine, address(tk_sine as Sine),
        vjp: (TestKernels.sineVJP, address(tk_sine_vjp as SineVJP))
    ).kernel
}

/// The same for every token: rows of two sizes as one.
func tokenSine() throws -> Kernel {
    try registered(
        "token-sine", "(in f32[n,d], n*d: i64, scale: f32) -> out f32[n,d]", address(tk_sine as Sine),
        vjp: (
            "(in f32[n,d], n*d: i64, scale: f32, in f32[n,d]) -> out f32[n,d]", address(tk_sine_vjp as SineVJP)
        ), isTokenLocal: true
    ).kernel
}
