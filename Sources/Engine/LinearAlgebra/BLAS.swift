import COpenBLAS
import Glibc
import Kernels

/// OpenBLAS's LAPACK, loaded when a program first needs it.
///
/// Late for two reasons. OpenBLAS chooses its kernels from the CPU's model number while it loads, and chooses badly on
/// models newer than itself, so the right ones are named to it first. And a machine without the library runs everything
/// but solve, inverse, qr and svd.
///
/// It works with one thread only: the engine's own threads call it, and its bits would depend on the number of its own.
package struct BLAS: @unchecked Sendable {
    let sgesv: openblas_sgesv
    let sgeqrf: openblas_sgeqrf
    let sorgqr: openblas_sorgqr
    let sgesdd: openblas_sgesdd
    /// What was loaded, for people.
    package let report: Report

    /// How OpenBLAS stands on this machine.
    package struct Report: Sendable {
        /// The kernels in use.
        package let core: String
        /// The kernels that this CPU is best served by.
        package let wantedCore: String
        /// Whether the user chose the kernels (OPENBLAS_CORETYPE).
        package let isChosenByUser: Bool
        package let path: String
        /// Version and build, in the library's words.
        package let version: String

        /// Whether the kernels in use have the vectors of this CPU.
        package var isRight: Bool {
            let classes = [["SkylakeX", "Cooperlake", "Sapphirerapids"], ["Haswell", "Zen"]]
            let wanted = classes.first { $0.contains(wantedCore) }
            return wanted.map { $0.contains { $0.lowercased() == core.lowercased() } } ?? true
        }
    }

    /// The library, loaded by the first call.
    ///
    /// - Throws: `EngineError` with the remedy where it cannot be loaded.
    package static func load() throws(EngineError) -> BLAS { try loaded.get() }

    private static let loaded: Result<BLAS, EngineError> = {
        do throws(EngineError) { return .success(try BLAS(library: "libopenblas.so.0")) } catch {
            return .failure(error)
        }
    }()

    /// The kernels for what this CPU can do; OpenBLAS's own choice where there are no wide vectors.
    private static var wantedCore: String {
        switch ph_cpu_level() {
        case PH_CPU_AVX512: "SkylakeX"
        case PH_CPU_AVX2: "Haswell"
        default: ""
        }
    }

    /// - Parameter library: a file name that the dynamic loader finds.
    package init(library: String) throws(EngineError) {
        let isChosenByUser = getenv("OPENBLAS_CORETYPE") != nil
        let wanted = BLAS.wantedCore
        if !wanted.isEmpty { setenv("OPENBLAS_CORETYPE", wanted, 0) }
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
            throw EngineError(
                "solve, inverse, qr and svd need OpenBLAS, and \(library) cannot be loaded "
                    + "(\(dlerror().map { String(cString: $0) } ?? "no reason given")): sudo apt-get install libopenblas0"
            )
        }
        func symbol<T>(_ name: String, _ type: T.Type) throws(EngineError) -> T {
            guard let address = dlsym(handle, name) else {
                throw EngineError(
                    "\(library) has no \(name), so it is not an OpenBLAS with LAPACK: sudo apt-get install libopenblas0"
                )
            }
            return unsafeBitCast(address, to: type)
        }
        sgesv = try symbol("sgesv_", openblas_sgesv.self)
        sgeqrf = try symbol("sgeqrf_", openblas_sgeqrf.self)
        sorgqr = try symbol("sorgqr_", openblas_sorgqr.self)
        sgesdd = try symbol("sgesdd_", openblas_sgesdd.self)
        let core = try symbol("openblas_get_corename", openblas_text.self)
        let version = try symbol("openblas_get_config", openblas_text.self)
        var place = openblas_place()
        _ = openblas_dladdr(unsafeBitCast(sgesv, to: UnsafeRawPointer.self), &place)
        report = Report(
            core: core().map { String(cString: $0) } ?? "", wantedCore: wanted, isChosenByUser: isChosenByUser,
            path: place.file.map { String(cString: $0) } ?? library,
            version: version().map { String(cString: $0) } ?? "")
    }
}
