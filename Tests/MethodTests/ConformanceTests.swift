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

    /// No plugin is looked for: the folder's own program runs, and is merged.
    @Test(arguments: MethodCase.all) func storedAndOpenedWithoutThePluginItIsTheSame(_ item: MethodCase) throws {
        let bench = try item.bench()
        let model = try bench.moved()
        try Rule.checkSaving(bench, model)
        let opened = try bench.opened(try bench.saved(model), search: nil)
        guard item.isMergeable else {
            #expect(throws: ModelError.self) { try opened.merged(on: WorkerPool(threads: 1)) }
            return
        }
        let merged = try Logits.of(opened.merged(on: WorkerPool(threads: 1)))
        #expect(Logits.distance(merged, try Logits.of(model)) <= 1e-4)
    }
}
