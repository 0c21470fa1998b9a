import CPeftPlugin
import PluginAPI
import Testing

extension RecordedTests {
    @Suite struct KitTests {
        @Test func hyperparametersAreDescribed() throws {
            let plugin = try LoadedPlugin(plugin(Operators.self, FakeHost.pointer)).plugin
            #expect(plugin.hyperparameter_stride == 72)
            let fields = array(plugin.hyperparameters, plugin.hyperparameter_count)
            #expect(
                fields.map { string($0.name) }
                    == ["count", "scale", "isOn", "mode", "limit", "layers", "length", "total_step"])
            #expect(fields.map(\.type) == [0, 1, 2, 3, 0, 4, 0, 0])
            #expect(fields.map(\.flags) == [1, 0, 0, 0, 4, 0, 2, 8])
            #expect(
                fields.map { string($0.default_value) }
                    == ["3", "0.5", "true", "\"one\"", "null", "[1, 2]", "NULL", "NULL"])
            let none = Double.infinity
            let minima: [Double] = [1, -1.5, -none, -none, 0, 0, -none, -none]
            let maxima: [Double] = [none, 2, none, none, 9, 99, none, none]
            #expect(fields.map(\.minimum) == minima)
            #expect(fields.map(\.maximum) == maxima)
            #expect(array(fields[3].choices, fields[3].choice_count).map { string($0) } == ["one", "two \"quoted\""])
            #expect(fields.allSatisfy { $0.pattern == nil && $0.struct_size == 72 })
        }

        @Test func operatorsTakeNumbersAndFoldTransposes() throws {
            let recording = Recording()
            recording.numbers = ["count": 5, "scale": 0.25, "isOn": 1, "length": 7, "total_step": 90]
            recording.strings = ["mode": "one"]
            recording.lists = ["layers": [3, 4]]
            recording.nulls = ["limit"]
            let lines = try LoadedPlugin(plugin(Operators.self, FakeHost.pointer))
                .inject(makeSite(PEFT_SITE_LINEAR, "q"), recording)
            #expect(
                lines == [
                    "v1 = parameter(p, [2, 3, 4], 0, 4, 0.0, 0.02, 5, 16.0)",
                    "begin(2)", "v2 = weight()", "v3 = svd(v2)", "v4 = svd.s(v3)", "v5 = svd.vt(v3)", "set(v1, v5)",
                    "end([])",
                    "begin(0)", "v6 = operand(0)",
                    "v7 = scalar(3.0)", "v8 = mul(v6, v7)", "v9 = scalar(2.0)", "v10 = sub(v9, v8)",
                    "v11 = scalar(1.0)", "v12 = div(v11, v6)", "v13 = scalar(0.5)", "v14 = sub(v12, v13)",
                    "v15 = scalar(4.0)", "v16 = div(v14, v15)", "v17 = add(v10, v16)",
                    "v18 = matmul(v6, v1, 1, 1)", "v19 = transpose(v1, [0, 2, 1])", "v20 = add(v18, v19)",
                    "v21 = neg(v20)", "v22 = concat([v17, v21], 1)", "v23 = sum(v22, [0, 1], 1)", "v24 = scalar(0.0)",
                    "v25 = maximum(v23, v24)", "end([v25])",
                    "not_mergeable(5 0.25 [3, 4] 7 90)",
                ])
        }

        @Test func methodGraphsSeeAllSites() throws {
            let recording = Recording()
            recording.sites = [makeSite(PEFT_SITE_LINEAR, "a", layer: 0), makeSite(PEFT_SITE_LINEAR, "b", layer: 1)]
            let plugin = try LoadedPlugin(plugin(Pruning.self, FakeHost.pointer))
            #expect(plugin.plan(recording) == ["take(1)", "v1 = buffer(mean, [4], 0, 0, 0.0, 0.0, 0, 1.0)"])
            #expect(
                plugin.method(recording) == [
                    "v2 = of_site(0, E)", "v3 = of_site(1, E)", "v4 = of_method(mean)",
                    "begin(4)", "v5 = norm(v2, [], 0)", "end([v5])",
                    "begin(5)", "v6 = concat([v2, v3], 0)", "v7 = gradient(v2)", "set(v4, v7)", "v8 = step()",
                    "v9 = kth_value(v6, v8)", "v10 = less_equal(v6, v9)", "v11 = scalar(0.0)",
                    "v12 = where(v10, v11, v2)",
                    "set(v2, v12)", "end([])",
                    "begin(6)", "v13 = transpose(v2, [1, 0])", "tensor_masked(B, v13, 1, v4)", "field(r, NULL)",
                    "field_from(rank_pattern/q, v4, 1)", "end([])",
                    "begin(7)", "v14 = stored(B, [4, 1])", "set(v2, v14)", "end([])",
                ])
        }

        @Test func everyKindOfSiteHasItsForm() throws {
            let recording = Recording()
            recording.sites = [makeSite(PEFT_SITE_PROMPT, "prompt")]
            let plugin = try LoadedPlugin(plugin(Kinds.self, FakeHost.pointer))
            #expect(plugin.plugin.site_kinds == 0b111110)
            #expect(
                plugin.plan(recording) == [
                    "take(0)", "v1 = parameter(table, [6, 32], 0, 3, -1.0, 1.0, 0, 1.0)",
                    "begin(3)", "v2 = tanh(v1)", "end([v2])",
                ])
            #expect(
                plugin.inject(recording.sites[0], recording) == [
                    "v3 = text_ids(start, 0)", "v4 = parameter(prompt_embeddings, [3, 32], 0, 6, 0.0, 0.0, 0, 1.0)",
                    "begin(2)", "v5 = constant(1, [3], [0.0, 1.0, 0.0])", "v6 = gather(v3, v5)", "v7 = table_rows(v6)",
                    "set(v4, v7)", "end([])", "begin(0)", "end([v4])",
                ])
            #expect(
                plugin.inject(makeSite(PEFT_SITE_ATTENTION, "self_attn"), recording) == [
                    "v8 = parameter(gate, [1], 0, 0, 0.0, 0.0, 0, 1.0)", "begin(0)", "v9 = operand(0)",
                    "v10 = operand(1)",
                    "v11 = operand(2)", "v12 = operand(3)", "v13 = prelude(0)", "v14 = slice(v13, 0, 0, 3)",
                    "v15 = reshape(v14, [3, 2, 8])", "v16 = of_method(table)", "v17 = project(1, v16)",
                    "v18 = attend(v9, v10, v11, v15, v15)", "v19 = attend_set(v9, v17, v17)", "v20 = mul(v8, v19)",
                    "v21 = add(v18, v20)", "v22 = attend(v9, v10, v11, absent, absent)", "v23 = add(v21, v22)",
                    "end([v23])",
                ])
            #expect(
                plugin.inject(makeSite(PEFT_SITE_BLOCK, "mlp"), recording) == [
                    "begin(0)", "v24 = operand(0)", "v25 = operand(1)", "v26 = add(v24, v25)", "v27 = silu(v26)",
                    "v28 = add(v24, v27)", "end([v28])", "not_mergeable(it is not linear)",
                ])
            var norm = makeSite(PEFT_SITE_WEIGHT, "model.norm.weight")
            (norm.rank, norm.shape.0) = (1, 32)
            #expect(
                plugin.inject(norm, recording) == [
                    "v29 = parameter(weight, [32], 0, 6, 0.0, 0.0, 0, 1.0)", "begin(2)", "v30 = weight()",
                    "set(v29, v30)",
                    "end([])", "begin(0)", "end([v29])", "begin(1)", "v31 = operand(0)", "end([v29])",
                ])
        }

        @Test func aSiteWithoutAFormIsAnError() throws {
            let recording = Recording()
            let plugin = try LoadedPlugin(plugin(Kinds.self, FakeHost.pointer))
            #expect(plugin.inject(makeSite(PEFT_SITE_EMBEDDING, "embed_tokens"), recording) == [])
            #expect(recording.errors == ["Kinds has no form for embed_tokens, a site of another kind than it declares"])
        }

        @Test func anOlderHostIsRefusedAndAMissingTableIsAnError() throws {
            let tables = FakeHost.tables
            defer { FakeHost.tables = tables }
            FakeHost.tables["peft.export/1"] = nil
            let recording = Recording()
            recording.sites = [makeSite(PEFT_SITE_LINEAR, "a")]
            let lines = try LoadedPlugin(plugin(Pruning.self, FakeHost.pointer)).method(recording)
            #expect(lines.contains("begin(5)") && !lines.contains("begin(6)"))
            #expect(recording.errors.first == "this host does not offer peft.export/1")

            // One function less.
            var short = peft_ops_1()
            short.struct_size = UInt32(MemoryLayout<peft_ops_1>.size - 8)
            FakeHost.tables["peft.ops/1"] = UnsafeRawPointer(immortal(short))
            #expect(plugin(Pruning.self, FakeHost.pointer) == nil)
        }
    }
}
