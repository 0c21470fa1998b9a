import PluginHost

/// What happens when the host does not do what the plugin hopes for.
extension Rule {
    static let protocols: [Rule] = [
        Rule("illegal-order", "returns from callbacks in any order", group: "protocol", isAlone: true) { subject in
            let plugin = try subject.plugin()
            let toy = try subject.smallest(plugin)
            for disorder in Disorder.allCases {
                subject.note("running \(disorder.name)")
                try subject.provoke(plugin, on: toy, disorder)
            }
            return .passed
        },
        Rule(
            "survives-failures", "returns after any call of the host has failed", group: "protocol", isAlone: true,
            seconds: 30
        ) { subject in
            let plugin = try subject.plugin()
            let toy = try subject.smallest(plugin)
            let all = HostCalls()
            _ = try subject.program(of: plugin, on: toy, calls: all)
            // The first ones each, of the others as many as fit.
            var random = subject.random("survives-failures")
            let deadline = ContinuousClock.now + .seconds(4)
            var numbers = Array(1...max(1, min(all.count, 200)))
            if all.count > 200 { numbers += (0..<300).map { _ in Int.random(in: 201...all.count, using: &random) } }
            for number in numbers where .now < deadline {
                subject.note("call \(number) of \(all.count) failed")
                let calls = HostCalls(failing: number)
                _ = try? subject.program(of: plugin, on: toy, calls: calls)
                guard calls.count <= all.count * 4 + 1000 else {
                    return .failed(
                        "went on for \(calls.count - number) calls after call \(number) had failed; stop loops with peft.trace/1 failed"
                    )
                }
            }
            return .passed
        },
    ]
}
