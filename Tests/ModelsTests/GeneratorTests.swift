import Engine
import Models
import Programs
import Testing

/// Rows that are gone on with from what was kept of them, against the same rows read at once.
struct GeneratorTests {
    private static let row: [Int32] = (0..<40).map { $0 * 7 % 31 }
    private let pool = WorkerPool(threads: 2)

    /// The logits behind each token of a row that is read at once: (T, vocabulary).
    private func atOnce(_ model: AdaptedModel, _ row: [Int32] = Self.row) throws -> [[Float]] {
        let result = try Inference(model, pool: pool).run(predicting([row]))
        return row.indices.map { Array(result.logits($0)) }
    }

    @Test(arguments: TinyModelTests.cases)
    func tokenByToken(_ item: TinyModelTests.Case) throws {
        let model = try AdaptedModel.bare(Model(item.path))
        let expected = try atOnce(model)
        let generator = try Generator(model, context: Self.row.count, pool: pool)
        expectClose(generator.read(Array(Self.row[..<9])), expected[8])
        for token in 9..<Self.row.count { expectClose(generator.read([Self.row[token]]), expected[token]) }
        #expect(generator.length() == Self.row.count)
        let c = model.model.configuration
        #expect(generator.cache?.bytes == c.layers * 2 * Self.row.count * c.keyHeads * c.headSize * 4)
    }

    @Test func severalAtOnce() throws {
        let model = try AdaptedModel.bare(Model(Fixtures.path("tiny/e-mistral-window")))
        let expected = try atOnce(model)
        let generator = try Generator(model, context: Self.row.count, pool: pool)
        var read = 0
        for count in [1, 3, 17, 2, 17] {
            read += count
            expectClose(generator.read(Array(Self.row[read - count..<read])), expected[read - 1])
        }
    }

    /// Rows longer than a run are read in parts.
    @Test func longRows() throws {
        let model = try AdaptedModel.bare(Model(Fixtures.path("tiny/a-llama")))
        let row = (0..<1100).map { Int32($0 * 11 % 29) }
        let generator = try Generator(model, context: row.count, pool: pool)
        expectClose(generator.read(row), try atOnce(model, row).last ?? [])
    }

    @Test func goesBack() throws {
        let model = try AdaptedModel.bare(Model(Fixtures.path("tiny/a-llama")))
        let generator = try Generator(model, context: 30, pool: pool)
        let whole = generator.read(Array(Self.row[..<20]))
        let other = generator.read([3, 5])
        generator.truncate(to: 20)
        #expect(generator.length() == 20)
        #expect(generator.read([3, 5]) == other)
        for count in [12, 1, 0] {
            generator.truncate(to: count)
            expectClose(generator.read(Array(Self.row[count..<20])), whole)
        }
    }

    /// What a method learns of a row from a mean over it changes with every token: nothing is kept.
    @Test func meansOverRows() throws {
        let base = try Model(Fixtures.path("tiny/a-llama"))
        let site = try #require(base.configuration.sites(for: .causalLM).first)
        let g = GraphBuilder(scope: .tokenLocal)
        let x = g.argument(0, TensorType([.tokens, Dim(site.inputs)]))
        let centered = g.sub(x, g.rowGather(g.rowMean(x)))
        var program = MethodProgram(method: "Centering", peftType: "CENTERING", version: "1", settings: [])
        program.sites = [
            SiteProgram(
                site: site, tensors: [], initialize: nil,
                forward: program.add(try g.finish([g.base(centered, outputs: site.outputs)])),
                merge: .refused(reason: "none"))
        ]
        try program.verify()
        let model = try AdaptedModel(base, method: program, task: .causalLM, seed: 0)
        let generator = try Generator(model, context: Self.row.count, pool: pool)
        #expect(generator.cache == nil)
        for count in [5, 6, 7] {
            let found = count == 5 ? generator.read(Array(Self.row[..<5])) : generator.read([Self.row[count - 1]])
            expectClose(found, try #require(try atOnce(model, Array(Self.row[..<count])).last))
        }
    }

    private func expectClose(_ found: [Float], _ expected: [Float], _ place: SourceLocation = #_sourceLocation) {
        let distance = relativeDistance(found.map(Double.init), expected.map(Double.init))
        #expect(distance <= 1e-5, sourceLocation: place)
    }
}
