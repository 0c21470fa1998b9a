import GuideExperiment

struct UsageError: Error {
    let message: String
}

/// The command line.
struct Arguments {
    var host = ""
    var model = ""
    var data = ""
    var table = ""
    /// Where Guide.md and `guide` are written.
    var docs = ""
    var work = ""
    var experiment = Experiment.tenEpochs
    var methods: [String] = []
    var seeds: [Int]?
    /// Python and the reference's script.
    var reference: (python: String, script: String)?
    var onlyReports = false

    static let usage = """
        usage: peft-guide --host PEFT_HOST --model GGUF --data FOLDER --table METHODS_JSON --docs FOLDER --work FOLDER
                          [--quick] [--methods A,B] [--seeds 0,1] [--reference PYTHON SCRIPT] [--report]
        """

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(_ name: String) throws -> String {
            guard let next = rest.popFirst(), !next.isEmpty else { throw UsageError(message: "\(name) needs a value") }
            return next
        }
        while let name = rest.popFirst() {
            switch name {
            case "--host": host = try value(name)
            case "--model": model = try value(name)
            case "--data": data = try value(name)
            case "--table": table = try value(name)
            case "--docs": docs = try value(name)
            case "--work": work = try value(name)
            case "--quick": experiment = .quick
            case "--methods": methods = try value(name).split(separator: ",").map(String.init)
            case "--seeds":
                let text = try value(name)
                let numbers = text.split(separator: ",").map { Int($0) ?? -1 }
                guard !numbers.isEmpty, numbers.allSatisfy({ $0 >= 0 }) else {
                    throw UsageError(message: "--seeds \(text): whole numbers from 0 up between commas")
                }
                seeds = numbers
            case "--reference": reference = (try value(name), try value(name))
            case "--report": onlyReports = true
            default: throw UsageError(message: "there is no \(name)")
            }
        }
        for (name, text) in [
            ("host", host), ("model", model), ("data", data), ("table", table), ("docs", docs), ("work", work),
        ]
        where text.isEmpty {
            throw UsageError(message: "--\(name) is missing")
        }
    }
}
