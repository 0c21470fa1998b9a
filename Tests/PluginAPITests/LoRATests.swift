import CPeftPlugin
import Formats
import Foundation
import Testing

extension RecordedTests {
    @Suite struct LoRATests {
        static let swift = LoadedPlugin.product("LoRA")

        /// The twin, built by its script, with the compiler that comes with Swift.
        static func buildC() throws -> URL {
            let library = FileManager.default.temporaryDirectory.appending(path: "libLoRA-c-\(UUID().uuidString).so")
            let result = try run(
                "CC=clang", ["sh", package.appending(path: "Examples/c/build").path, library.path])
            try #require(result.code == 0, "\(result.output)")
            return library
        }

        private func recording() -> Recording {
            let recording = Recording()
            recording.numbers = [
                "r": 4, "lora_alpha": 6, "lora_dropout": 0.25, "use_rslora": 0, "use_dora": 0, "lora_bias": 0,
                "loraplus_lr_ratio": 1, "relative_to_residual": 0,
            ]
            recording.strings = ["bias": "none", "init_lora_weights": "true"]
            return recording
        }

        @Test func itBuildsTheForwardAndTheMerge() throws {
            let site = makeSite(PEFT_SITE_LINEAR, "q_proj", inputs: 7, outputs: 5, hasBias: true)
            let recording = recording()
            let lines = try LoadedPlugin(library: Self.swift).inject(site, recording)
            #expect(
                lines == [
                    "v1 = parameter(lora_A.weight, [4, 7], 0, 5, \(5.0.squareRoot()), 0.0, 0, 1.0)",
                    "v2 = parameter(lora_B.weight, [5, 4], 0, 0, 0.0, 0.0, 0, 1.0)",
                    "begin(0)", "v3 = operand(0)", "v4 = base(v3)", "v5 = dropout(v3, 0.25)",
                    "v6 = matmul(v5, v1, 0, 1)",
                    "v7 = matmul(v6, v2, 0, 1)", "v8 = scalar(1.5)", "v9 = mul(v8, v7)", "v10 = add(v4, v9)",
                    "end([v10])",
                    "begin(1)", "v11 = operand(0)", "v12 = operand(1)", "v13 = matmul(v2, v1, 0, 0)",
                    "v14 = scalar(1.5)",
                    "v15 = mul(v14, v13)", "v16 = add(v11, v15)", "end([v16, v12])",
                ])
            #expect(recording.errors.isEmpty)
        }

        @Test func itTakesAllSites() throws {
            let recording = recording()
            recording.sites = [makeSite(PEFT_SITE_LINEAR, "a"), makeSite(PEFT_SITE_LINEAR, "b")]
            let plugin = try LoadedPlugin(library: Self.swift)
            #expect(plugin.plan(recording) == ["take(0)", "take(1)"])
            #expect(
                plugin.method(recording).allSatisfy {
                    $0.hasPrefix("begin(6)") || $0.hasPrefix("field(") || $0 == "end([])"
                })
        }

        @Test(arguments: [false, true])
        func theTwinInCDoesTheSame(hasBias: Bool) throws {
            let site = makeSite(PEFT_SITE_LINEAR, "q_proj", inputs: 7, outputs: 5, hasBias: hasBias)
            let library = try Self.buildC()
            let lines = try LoadedPlugin(library: library).inject(site, recording())
            #expect(lines.count == (hasBias ? 20 : 19))
            #expect(try lines == LoadedPlugin(library: Self.swift).inject(site, recording()))
        }

        /// The twin has the plain method at linear layers alone.
        @Test func theTwinsSayTheSameOfThemselves() throws {
            let c = description(try LoadedPlugin(library: try Self.buildC()).plugin)
            let swift = description(try LoadedPlugin(library: Self.swift).plugin)
            for member in c.members ?? [] where !["hyperparameters", "site_kinds", "summary"].contains(member.key) {
                #expect(member.value == swift[member.key], "\(member.key)")
            }
            let known = try #require(swift["hyperparameters"]?.array)
            let own = try #require(c["hyperparameters"]?.array)
            #expect(own.count == 4 && own.allSatisfy(known.contains))
        }

        @Test(arguments: [true, false])
        func itExportsOneSymbolAndAManifestThatAgrees(isSwift: Bool) throws {
            let library = isSwift ? Self.swift : try Self.buildC()
            let symbols = try run("nm", ["-D", "--defined-only", library.path]).output
            #expect(symbols.split(separator: "\n").map { $0.split(separator: " ").last } == ["peft_plugin_entry"])

            let section = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
            let result = try run("objcopy", ["-O", "binary", "-j", "peft_manifest", library.path, section.path])
            try #require(result.code == 0, "\(result.output)")
            let manifest = try JSON.parse(Data(contentsOf: section).prefix { $0 != 0 }, place: "manifest")
            #expect(try sorted(manifest) == sorted(description(LoadedPlugin(library: library).plugin)))
        }

        /// The order of members says nothing, nor whether a number is written with a point.
        private func sorted(_ json: JSON) -> JSON {
            switch json {
            case .object(let members):
                .object(members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key })
            case .array(let elements): .array(elements.map(sorted))
            case .integer(let number): .number(Double(number))
            default: json
            }
        }

        /// What the code says, in the manifest's form. Covers the types and capabilities that LoRA has.
        private func description(_ plugin: peft_plugin) -> JSON {
            func strings(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
            func bits(_ set: UInt32, _ names: [String]) -> JSON {
                strings(names.enumerated().compactMap { set >> UInt32($0.offset) & 1 == 1 ? $0.element : nil })
            }
            func bound(_ value: Double) -> JSON {
                value.isFinite ? json("\(value)".replacing(/\.0$/, with: "")) : .null
            }
            func json(_ text: String) -> JSON { (try? JSON.parse(Array(text.utf8), place: "")) ?? .null }
            let hyperparameters = array(plugin.hyperparameters, plugin.hyperparameter_count).map { field -> JSON in
                let isPerSite = field.flags & PEFT_FLAG_PER_SITE != 0
                return [
                    "name": .string(string(field.name)),
                    "type": .string(["integer", "number", "boolean", "string"][Int(field.type)]),
                    "default": json(string(field.default_value)), "minimum": bound(field.minimum),
                    "maximum": bound(field.maximum),
                    "choices": strings(array(field.choices, field.choice_count).map { string($0) }),
                    "per_site": .bool(isPerSite), "pattern": isPerSite ? .string(string(field.pattern)) : .null,
                    "required": .bool(field.flags & PEFT_FLAG_REQUIRED != 0),
                    "nullable": .bool(field.flags & PEFT_FLAG_NULLABLE != 0),
                    "derived": .bool(field.flags & PEFT_FLAG_DERIVED != 0), "summary": .string(string(field.summary)),
                ]
            }
            return [
                "manifest": 1,
                "abi": .array([plugin.abi_built_with, plugin.abi_min_required].map { .integer(Int64($0)) }),
                "id": .string(string(plugin.id)), "peft_type": .string(string(plugin.peft_type)),
                "version": .string(string(plugin.version)), "license": .string(string(plugin.license)),
                "summary": .string(string(plugin.summary)), "paper": .string(string(plugin.paper)),
                "capabilities": bits(plugin.capabilities, ["merge", "identity-at-init"]),
                "site_kinds": bits(
                    plugin.site_kinds, ["linear", "embedding", "prompt", "attention", "block", "weight"]),
                "default_roles": strings(
                    array(plugin.default_roles, plugin.default_role_count).map {
                        ["other", "query", "key", "value"][Int($0)]
                    }),
                "default_learning_rate": .number(plugin.default_learning_rate),
                "hyperparameters": .array(hyperparameters),
            ]
        }
    }
}

/// Tests that use the one recording: one after the other.
@Suite(.serialized) struct RecordedTests {}
