import Formats
import Programs

/// What a method can do. Raw values are the bits' places in the plugin interface.
package enum Capability: UInt32, CaseIterable, Sendable {
    case merge = 0, identityAtInit, kernels, rowInputs, calibration, noHead

    /// As manifests write it.
    package var name: String {
        switch self {
        case .merge: "merge"
        case .identityAtInit: "identity-at-init"
        case .kernels: "kernels"
        case .rowInputs: "row-inputs"
        case .calibration: "calibration"
        case .noHead: "no-head"
        }
    }
}

/// What a plugin says of itself: in its manifest, and again in code.
package struct PluginDescription: Equatable, Sendable {
    package var abiBuiltWith = 1
    package var abiMinRequired = 1
    /// What `--plugin` takes: `LoRA`.
    package var id: String
    /// By which a Hugging Face folder finds its plugin: `LORA`. With `+` in front of each, other types that it reads too.
    package var peftType: String
    package var version: String
    /// An SPDX identifier.
    package var license = ""
    package var summary = ""
    package var paper = ""
    package var capabilities: Set<Capability> = []
    package var siteKinds: Set<SiteKind> = []
    /// Roles of the linear and embedding sites that are adapted unless the user says.
    package var defaultRoles: [SiteRole] = []
    package var defaultLearningRate = 1e-3
    package var hyperparameters: [Hyperparameter] = []

    /// The type that it writes, then the others that it reads.
    package var peftTypes: [String] { peftType.split(separator: "+").map(String.init) }
    /// The one that the method itself has.
    var mainPeftType: String { peftTypes.first ?? id }

    /// Whether it stands at modules that `target_modules` chooses.
    var hasTargets: Bool { !siteKinds.isDisjoint(with: [.linear, .embedding]) || choosesWeights }
    /// Whether these are the modules of the weights that it trains: where it does nothing else.
    var choosesWeights: Bool { siteKinds == [.weight] }

    package init(id: String, peftType: String, version: String) {
        self.id = id
        self.peftType = peftType
        self.version = version
    }

    /// Checks what holds for every description, from a manifest or from code.
    ///
    /// - Parameter place: the library.
    func check(place: String) throws(PluginError) {
        func fail(_ message: String) -> PluginError { PluginError(.broken, message, place: place) }
        for (name, text) in [("id", id), ("peft_type", peftType), ("version", version)] {
            guard !text.isEmpty, text.utf8.count <= 64, text.utf8.allSatisfy(isNameByte) else {
                throw fail("its \(name) \"\(text)\" is not a name of letters, digits, '_', '-', '+' and '.'")
            }
        }
        for text in [license, summary, paper] where !text.isPrintable {
            throw fail("\(JSON.string(String(text.prefix(40))).text()) is not one line of text")
        }
        guard !siteKinds.isEmpty else { throw fail("its site_kinds is empty") }
        guard defaultLearningRate > 0, defaultLearningRate.isFinite else {
            throw fail("its default_learning_rate \(defaultLearningRate) is not a positive number")
        }
        var names = Set(GeneralField.allCases.map(\.rawValue)).union(GeneralField.inert)
        for hyperparameter in hyperparameters {
            try check(hyperparameter, names: &names, place: place)
        }
    }

    private func check(_ hyperparameter: Hyperparameter, names: inout Set<String>, place: String) throws(PluginError) {
        let name = hyperparameter.name
        func fail(_ message: String) -> PluginError {
            PluginError(.broken, "its hyperparameter \(name) \(message)", place: place)
        }
        for field in [name] + (hyperparameter.patternField.map { [$0] } ?? []) {
            guard !field.isEmpty, field.utf8.count <= 64, field.utf8.allSatisfy(isNameByte) else {
                throw fail("needs a name of letters, digits and '_', not \"\(field)\"")
            }
            guard names.insert(field).inserted else {
                throw fail("uses the field \(field), which is taken already")
            }
        }
        guard hyperparameter.minimum <= hyperparameter.maximum else {
            throw fail("has a minimum of \(hyperparameter.minimum) above its maximum of \(hyperparameter.maximum)")
        }
        guard hyperparameter.choices.isEmpty || [.string, .stringList].contains(hyperparameter.type) else {
            throw fail("has choices but is \(hyperparameter.type.article)")
        }
        for text in [hyperparameter.summary] + hyperparameter.choices where !text.isPrintable {
            throw fail("says \(JSON.string(String(text.prefix(40))).text()), which is not one line of text")
        }
        if let value = hyperparameter.defaultValue, !hyperparameter.allows(value) {
            throw fail("has the default \(value.json.text()), which is not \(hyperparameter.rule)")
        }
    }

    /// The fields in which two descriptions differ, as manifests name them.
    func differences(from other: PluginDescription) -> [String] {
        guard self != other, let mine = manifest.members, let others = other.manifest.members else { return [] }
        return zip(mine, others).flatMap { mine, other -> [String] in
            guard mine != other else { return [] }
            guard mine.key == "hyperparameters" else { return [mine.key] }
            let names = Set(hyperparameters.map(\.name)).symmetricDifference(
                other.value.array?.compactMap { $0["name"]?.string } ?? [])
            return [names.isEmpty ? mine.key : "hyperparameters (\(names.sorted().joined(separator: ", ")))"]
        }
    }
}

extension String {
    /// Whether it can be shown as it is: no line break, and nothing that a terminal would take for a command.
    fileprivate var isPrintable: Bool {
        unicodeScalars.allSatisfy {
            ![.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
    }
}

func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
        true
    default: false
    }
}
