import Engine
import Models
import PluginCheck
import Testing

/// What every method must keep, whatever it computes: the rules of `plugins check`, on every case.
struct ConformanceTests {
    @Test(arguments: MethodCase.all) func startsWhereItClaims(_ item: MethodCase) throws {
        let bench = try item.bench()
        let (adapted, base) = (try Logits.of(bench.begun()), try Logits.of(bench.bare()))
        switch item.start {
        case .base: #expect(Logits.distance(adapted, base) == 0)
        case .nearBase: #expect(Logits.distance(adapted, base) <= 1e-5)
        case .besideBase: #expect((1e-6...1e-2).contains(Logits.distance(adapted, base)))
        case .other: #expect(Logits.distance(adapted, base) > 1e-3)
        }
        // The tests below say nothing of a method that does nothing.
        #expect(Logits.distance(try Logits.of(bench.moved()), base) > 1e-3)
    }

    @Test(arguments: MethodCase.all) func rowsDoNotSeeEachOther(_ item: MethodCase) throws {
        try Rule.checkRows(item.bench())
    }

    @Test(arguments: MethodCase.all) func mergedIsUnmerged(_ item: MethodCase) throws {
        let bench = try item.bench()
        let refusal = try Rule.checkMerging(bench)
        #expect((refusal == nil) == item.isMergeable)
        guard !item.isMergeable else { return }
        let error = #expect(throws: ModelError.self) { try bench.moved().merged(on: WorkerPool(threads: 1)) }
        #expect(error?.message.hasPrefix("\(item.plugin) cannot be merged at ") == true)
    }

    @Test(arguments: MethodCase.all) func storedAndOpenedItIsTheSame(_ item: MethodCase) throws {
        let bench = try item.bench()
        try Rule.checkSaving(bench, bench.moved())
    }
}
