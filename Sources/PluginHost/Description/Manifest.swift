import Formats
import Programs

extension SiteKind {
    /// As manifests write it.
    package var name: String { "\(self)" }
}

extension SiteRole {
    /// As manifests write it: `attention-output`.
    package var name: String { self == .attentionOutput ? "attention-output" : "\(self)" }
}

/// The manifest: the JSON object in the ELF section `peft_manifest`, by which a library is listed without being loaded.
extension PluginDescription {
    /// The form of the JSON object.
    static let manifestForm = 1
    static let manifestSection = "peft_manifest"
    static let maximumManifest = 1 << 20

    /// - Parameters:
    ///   - bytes: the section's, NULs at its end included.
    ///   - place: the library.
    package init(manifest bytes: [UInt8], place: String) throws(PluginError) {
        func fail(_ message: String) -> PluginError {
            PluginError(
                .broken, "its manifest \(message)", place: place,
                remedy: "make it anew with `peft-host plugins manifest`")
        }
        guard bytes.count <= Self.maximumManifest else { throw fail("is larger than \(Self.maximumManifest) bytes") }
        let json: JSON
        do throws(FormatError) {
            let text = bytes.prefix(1 + (bytes.lastIndex { $0 != 0 } ?? -1))
            json = try JSON.parse(text, place: place)
        } catch {
            throw fail("is no JSON object: \(error.message)")
        }
        var reader = ManifestReader(json: json, place: "", fail: fail)
        let form = try reader.field("manifest", \.int)
        guard form == Self.manifestForm else {
            throw fail("has the form \(form); this host reads \(Self.manifestForm)")
        }
        self.init(
            id: try reader.field("id", \.string), peftType: try reader.field("peft_type", \.string),
            version: try reader.field("version", \.string))
        let abi = try reader.field("abi", \.array).compactMap(\.int)
        guard abi.count == 2 else { throw fail("has no \"abi\" of two integers") }
        (abiBuiltWith, abiMinRequired) = (abi[0], abi[1])
        if abiMinRequired > LoadedPlugin.abi.upperBound {
            // What is strange in it may be right in that ABI.
            let required = abiMinRequired
            reader.fail = { message in
                PluginError(
                    .incompatible,
                    "requires plugin ABI \(required) (this host speaks ABI \(LoadedPlugin.abi.upperBound)): its manifest "
                        + message, place: place, remedy: "it needs a newer host")
            }
        }
        license = try reader.field("license", \.string)
        summary = try reader.field("summary", \.string)
        paper = try reader.field("paper", \.string)
        capabilities = Set(try reader.names("capabilities", Capability.allCases, \.name))
        siteKinds = Set(try reader.names("site_kinds", SiteKind.allCases, \.name))
        defaultRoles = try reader.names("default_roles", SiteRole.allCases, \.name)
        defaultLearningRate = try reader.field("default_learning_rate", \.double)
        for (index, json) in try reader.field("hyperparameters", \.array).enumerated() {
            let reader = ManifestReader(json: json, place: "hyperparameters[\(index)].", fail: reader.fail)
            hyperparameters.append(try reader.hyperparameter())
        }
        try check(place: place)
    }

    /// The manifest's JSON object.
    package var manifest: JSON {
        func strings(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
        return [
            "manifest": .integer(Int64(Self.manifestForm)),
            "abi": [.integer(Int64(abiBuiltWith)), .integer(Int64(abiMinRequired))],
            "id": .string(id), "peft_type": .string(peftType), "version": .string(version), "license": .string(license),
            "summary": .string(summary), "paper": .string(paper),
            "capabilities": strings(Capability.allCases.filter(capabilities.contains).map(\.name)),
            "site_kinds": strings(SiteKind.allCases.filter(siteKinds.contains).map(\.name)),
            "default_roles": strings(defaultRoles.map(\.name)),
            "default_learning_rate": .number(defaultLearningRate),
            "hyperparameters": .array(hyperparameters.map(\.manifest)),
        ]
    }

    /// A C file that puts the manifest into the library it is linked into.
    package var manifestSource: String {
        let lines = manifest.text(indent: 1).split(separator: "\n").map { "    \(quoted(String($0)))" }
        return """
            /* The manifest of \(id) \(version), by which peft-host lists it without loading it. */
            __attribute__((section("\(Self.manifestSection)"), used, retain))
            static const char manifest[] =
            \(lines.joined(separator: "\n"));

            """
    }

    /// A C string literal; what is not printable ASCII as octal escapes.
    private func quoted(_ text: String) -> String {
        var literal = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): literal += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7F where byte != UInt8(ascii: "?"): literal += String(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 8)
                literal += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return literal + "\""
    }
}

extension Hyperparameter {
    fileprivate var manifest: JSON {
        func bound(_ value: Double) -> JSON { value.isFinite ? .number(value) : .null }
        return [
            "name": .string(name), "type": .string(type.name), "default": defaultValue?.json ?? .null,
            "minimum": bound(minimum), "maximum": bound(maximum), "choices": .array(choices.map { .string($0) }),
            "per_site": .bool(patternField != nil), "pattern": patternField.map { .string($0) } ?? .null,
            "required": .bool(isRequired), "nullable": .bool(isNullable), "derived": .bool(isDerived),
            "summary": .string(summary),
        ]
    }
}

/// Reads the fields of one object of a manifest, all of which must be there.
private struct ManifestReader {
    let json: JSON
    /// In front of a field's name in errors.
    let place: String
    var fail: (String) -> PluginError

    func field<T>(_ name: String, _ value: (JSON) -> T?) throws(PluginError) -> T {
        guard let json = json[name] else { throw fail("lacks \"\(place)\(name)\"") }
        guard let value = value(json) else {
            throw fail("has a \"\(place)\(name)\" of another type: \(json.text().prefix(60))")
        }
        return value
    }

    /// A list of names, each of which is one of the cases.
    func names<T>(_ name: String, _ cases: [T], _ caseName: (T) -> String) throws(PluginError) -> [T] {
        var result: [T] = []
        for json in try field(name, \.array) {
            guard let known = cases.first(where: { caseName($0) == json.string }) else {
                throw fail("has an unknown value in \"\(place)\(name)\": \(json.text().prefix(60))")
            }
            result.append(known)
        }
        return result
    }

    func hyperparameter() throws(PluginError) -> Hyperparameter {
        let name = try field("name", \.string)
        let typeName = try field("type", \.string)
        guard let type = HyperparameterType.allCases.first(where: { $0.name == typeName }) else {
            throw fail("has the type \"\(typeName)\" for \(name); there is no such type")
        }
        var result = Hyperparameter(name, type, default: nil)
        result.minimum = try field("minimum") { $0.isNull ? -.infinity : $0.double }
        result.maximum = try field("maximum") { $0.isNull ? .infinity : $0.double }
        result.choices = try field("choices") { $0.array?.compactMap(\.string) }
        result.isNullable = try field("nullable", \.bool)
        result.isDerived = try field("derived", \.bool)
        result.summary = try field("summary", \.string)
        let pattern = try field("pattern") { json in json.isNull ? "" : json.string }
        if try field("per_site", \.bool) {
            result.patternField = pattern.isEmpty ? Hyperparameter.standardPatternField(of: name) : pattern
        }
        let isRequired = try field("required", \.bool)
        let json = try field("default") { $0 }
        if !json.isNull {
            guard let value = HyperparameterValue(json, as: type) else {
                throw fail("has the default \(json.text().prefix(60)) for \(name), which is not \(result.rule)")
            }
            result.defaultValue = value
        } else if !isRequired, result.isNullable || !result.isDerived {
            result.defaultValue = .null
        }
        return result
    }
}
