import PluginCheck
import Testing

/// The validator can fail, and fails only what is wrong.
@Suite(.serialized) struct RuleTests {
    private func failures(_ results: [Check.Result]) -> [String: String] {
        var failures: [String: String] = [:]
        for result in results {
            if case .failed(let message) = result.outcome { failures[result.rule.id] = message }
        }
        return failures
    }

    @Test func everyRuleHasABrokenPlugin() {
        #expect(Rule.all.map(\.id).sorted() == Builds.broken)
        #expect(Set(Rule.all.map(\.id)).count == Rule.all.count)
    }

    @Test func aGoodPluginPasses() throws {
        let results = try Builds.check(try Builds.library("good"))
        #expect(results.map(\.rule.id) == Rule.all.map(\.id))
        #expect(failures(results) == [:])
    }

    @Test(arguments: Builds.broken) func aBrokenPluginFailsByItsRuleAlone(name: String) throws {
        let failures = failures(try Builds.check(try Builds.library(name)))
        #expect(failures.keys.sorted() == [name], "\(failures)")
    }

    /// At the strictest level, with its own Swift runtime.
    @Test(arguments: [
        "AdaLoRA", "BottleneckAdapter", "FullFineTuning", "IA3", "LlamaAdapter", "LoRA", "PTuning", "PrefixTuning",
        "PromptTuning",
    ])
    func ourOwnPluginsPass(method: String) throws {
        #expect(failures(try Builds.check(try Builds.distribution(method))) == [:])
    }
}
