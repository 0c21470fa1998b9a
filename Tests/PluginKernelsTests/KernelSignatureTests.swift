import Programs
import Testing

struct KernelSignatureTests {
    @Test func anArgumentIsWhatIsWritten() throws {
        let signature = try KernelSignature(" ( in f32[n, 3],n:i64 , rows:u64, 1: i32, scale : f32 )->out f32[rows,n]")
        #expect(signature.operands.map(\.name) == ["f32[n,3]"])
        #expect(signature.results.map(\.name) == ["f32[rows,n]"])
        #expect(signature.scalars == ["rows", "scale"])
        #expect(signature.arguments.count == 6)
    }

    /// Functions of libraries as their own headers declare them.
    @Test(arguments: [
        // cblas_saxpy, cblas_sdot, cblas_sgemm, cblas_sgemv
        ("(n: i32, alpha: f32, in f32[n], 1: i32, inout f32[n], 1: i32)", 2, 1, ["alpha"]),
        ("(n: i32, in f32[n], 1: i32, in f32[n], 1: i32) -> f32", 2, 1, []),
        (
            "(101: i32, 111: i32, 111: i32, m: i32, n: i32, k: i32, 1.0: f32, in f32[m,k], k: i32, in f32[k,n], n: i32, "
                + "0: f32, out f32[m,n], n: i32)", 2, 1, []
        ),
        // vsSin of a vector math library on tokens; vDSP_vadd
        ("(n*d: i32, in f32[n,d]) -> out f32[n,d]", 1, 1, []),
        ("(in f32[n], 1: i64, in f32[n], 1: i64, out f32[n], 1: i64, n: u64)", 2, 1, []),
        ("(in f32[n], -1: i32, out i32[n], out f32[])", 1, 2, []),
        ("(k: i64) -> out f32[k]", 0, 1, ["k"]),
    ])
    func libraryFunctionsCanBeWritten(_ text: String, operands: Int, results: Int, scalars: [String]) throws {
        let signature = try KernelSignature(text)
        #expect(signature.operands.count == operands)
        #expect(signature.results.count == results)
        #expect(signature.scalars == scalars)
    }

    @Test(arguments: [
        ("", "column 1: \"(\" is expected"),
        ("in f32[n]", "column 1: \"(\" is expected"),
        ("(in f32[n]", "column 11: \")\" is expected"),
        ("(in f64[n]) -> out f32[n]", "column 5: f64 is no type of elements; there are f32 and i32"),
        ("(in f32 n) -> out f32[n]", "column 9: \"[\" is expected"),
        ("(in f32[n], m: int) -> out f32[n]", "column 16: int is no type of a scalar; there are i32, u32,"),
        ("(in f32[n],) -> out f32[n]", "column 12: an array, a name or a number is expected"),
        ("(in f32[n]) - out f32[n]", "column 14: \"->\" is expected"),
        ("(in f32[n]) -> in f32[n]", "column 16: \"out\" or \"f32\" is expected behind the arrow"),
        ("(in f32[n]) -> out f32[n] 3", "column 27: nothing may follow here"),
        ("(in f32[n], 1.5: i32) -> out f32[n]", "column 13: 1.5 is no i32"),
        ("(in f32[n], -1: u64) -> out f32[n]", "column 13: -1.0 is no u64"),
        ("(in f32[-2]) -> out f32[n]", "column 9: -2.0 is no size"),
        ("(in f32[a,b,c,d,e,f,g]) -> out f32[a]", "7 axes; at most 6"),
        ("(in f32[n], n: i64)", "it has no result"),
        ("(in f32[n]) -> out f32[m]", "the size m of a result is given by no operand and no integer argument"),
        ("(in f32[n], m: f32) -> out f32[m]", "the size m of a result is given by no operand and no integer argument"),
        ("(in f32[n], n: f32) -> out f32[n]", "n counts something and must be an integer, not f32"),
        ("(in f32[n], m: f32, m: i32) -> out f32[n]", "m is an integer in one place and f32 in another"),
        ("(" + String(repeating: "in f32[n], ", count: 40) + "n: i64) -> out f32[n]", "bytes; at most 448"),
        ("(" + String(repeating: "1: i32,", count: 32) + "in f32[n]) -> out f32[n]", "34 arguments; at most 32"),
    ])
    func anErrorNamesItsPlace(_ text: String, _ message: String) {
        let error = #expect(throws: ProgramError.self) { try KernelSignature(text) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    /// No text traps or runs on.
    @Test func noTextIsTooOdd() {
        var state: UInt64 = 1
        let parts = [
            "(", ")", "[", "]", ",", ":", "->", "-", "in", "out", "inout", "f32", "i32", "n", "m", "*", "1", "9e9", " ",
        ]
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += parts[Int(state >> 33) % parts.count]
            }
            _ = try? KernelSignature(text)
        }
    }

    @Test(arguments: [
        ("(in f32[n], in f32[n], n: i64) -> out f32[n]", Optional<String>.none),
        ("(in f32[n], n: i64) -> out f32[n]", "its vjp has the operands f32[n]; they must be f32[n], f32[n]"),
        (
            "(in f32[n], in f32[n], n: i64, out f32[n]) -> f32",
            "its vjp has the results f32[n], f32[]; they must be f32[n]"
        ),
        ("(in f32[n], in f32[n], s: f32) -> out f32[n]", "its vjp takes s, which the kernel does not"),
    ])
    func aProductBelongsToItsKernel(_ vjp: String, _ message: String?) throws {
        func kernel() throws(ProgramError) -> Kernel {
            try Kernel(
                plugin: "P", name: "k", signature: "(in f32[n], n: i64) -> out f32[n]", vjpSignature: vjp,
                isTokenLocal: false)
        }
        guard let message else {
            _ = try kernel()
            return
        }
        #expect(throws: ProgramError("the kernel k: \(message)")) { try kernel() }
    }
}
