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

    @Test(arguments: Builds.good) func aGoodPluginPasses(name: String) throws {
        let results = try Builds.check(try Builds.library(name))
        #expect(results.map(\.rule.id) == Rule.all.map(\.id))
        #expect(failures(results) == [:])
        let skipped = results.filter { if case .skipped = $0.outcome { true } else { false } }.map(\.rule.id)
        // Of those that have no update.
        #expect(skipped.allSatisfy { $0 == "steps" }, "\(skipped)")
    }

    /// Kernels are tried on operands between -1 and 1 when they are traced, and with the method that calls them.
    @Test(arguments: [("wrong", "traces"), ("far", "gradients")])
    func aKernelWithAWrongGradientFails(vjp: String, rule: String) throws {
        let failures = failures(try Builds.check(try Builds.library("good/kernel", "VJP=\(vjp)_vjp")))
        #expect(failures.keys.sorted() == [rule], "\(failures)")
        #expect(failures[rule]?.contains("gradient") == true)
    }

    /// Refusing models is an answer, as long as there are others.
    @Test func aBlockThatFitsNoModelFails() throws {
        let failures = failures(try Builds.check(try Builds.library("good/block"), options: [("block", "1024")]))
        #expect(failures["traces"]?.contains("the block does not divide the layer") == true, "\(failures)")
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
