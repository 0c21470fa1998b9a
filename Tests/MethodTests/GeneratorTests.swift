import Engine
import Models
import PluginCheck
import Programs
import Testing

/// Every method goes on with a row from its keys and values as if it had read the row at once.
struct GeneratorTests {
    static let cases =
        MethodCase.all.filter { $0.task == .causalLM } + [
            MethodCase("LoRA", ["r": "2", "use_dora": "true", "target_modules": "all-linear"], base: .windowed),
            MethodCase("PrefixTuning", ["num_virtual_tokens": "3"], base: .windowed),
            MethodCase("PromptTuning", ["num_virtual_tokens": "3"], base: .windowed),
        ]

    @Test(arguments: cases) func goesOn(_ item: MethodCase) throws {
        let model = try item.bench().moved()
        let row: [Int32] = [3, 8, 1, 12, 0, 7, 7, 2]
        let pool = WorkerPool(threads: 1)
        let generator = try Generator(model, context: row.count, pool: pool)
        #expect(generator.cache != nil)
        for read in 3...row.count {
            let found = generator.read(read == 3 ? Array(row[..<3]) : [row[read - 1]])
            let whole = model.prefix.before(Array(row[..<read]))
            let batch = Batch(
                rows: [whole], targetIndex: [Int32(whole.count - 1)], targetLabels: [0], targetWeights: [0])
            let expected = try Inference(model, pool: pool).run(batch).logits
            #expect(Logits.distance([found], [expected]) <= 1e-5, "\(read) tokens")
        }
    }
}
