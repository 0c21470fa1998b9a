import Engine
import Testing

struct BLASTests {
    @Test func reportsTheKernelsInUse() throws {
        let report = try BLAS.load().report
        #expect(report.isRight || report.isChosenByUser, "\(report)")
        #expect(report.path.contains("openblas"))
        #expect(report.version.contains("OpenBLAS"))
    }

    @Test func aMissingLibraryNamesTheRemedy() {
        do throws(EngineError) {
            _ = try BLAS(library: "libnosuchblas.so.0")
            Issue.record("it was loaded")
        } catch {
            #expect(error.message.contains("libnosuchblas.so.0"))
            #expect(error.message.contains("apt-get install libopenblas0"))
        }
    }
}
