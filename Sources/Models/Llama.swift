import Programs

/// The Llama architecture as a program (Touvron et al. 2023; grouped queries as in Ainslie et al. 2023).
package struct Llama {
    package let configuration: LlamaConfiguration
    private let g: GraphBuilder
    private let sites: any SiteInjector

    package init(_ configuration: LlamaConfiguration, in builder: GraphBuilder, sites: any SiteInjector = NoMethod()) {
        self.configuration = configuration
        g = builder
        self.sites = sites
    }

    /// What the blocks compute.
    package struct Hidden {
        /// (N, hidden) behind the first block.
        package var firstBlock: Value
        /// (N, hidden) behind the final norm.
        package var last: Value
    }

    package func hidden() -> Hidden {
        let c = configuration
        let angles = g.mul(
            g.reshape(g.cast(g.input(.positions), .f32), [.tokens, 1]),
            g.constant(c.rope.frequencies(headSize: c.headSize), shape: [c.headSize / 2]))
        let rope = (cos: g.unary(.cos, angles), sin: g.unary(.sin, angles))

        var x = g.gather(embeddings, g.input(.tokenIDs))
        var firstBlock = Value.none
        for layer in 0..<c.layers {
            x = g.add(x, attention(norm(x, "model.layers.\(layer).input_layernorm"), layer, rope))
            x = g.add(x, mlp(norm(x, "model.layers.\(layer).post_attention_layernorm"), layer))
            if layer == 0 { firstBlock = x }
        }
        return Hidden(firstBlock: firstBlock, last: norm(x, "model.norm"))
    }

    /// The language-model head applied to h (…, hidden) → (…, vocabulary).
    package func head(_ h: Value) -> Value {
        let weight =
            configuration.isTied
            ? embeddings : frozen("lm_head.weight", [configuration.vocabulary, configuration.hiddenSize])
        return g.matmul(h, weight, transposeB: true)
    }

    private func attention(_ x: Value, _ layer: Int, _ rope: (cos: Value, sin: Value)) -> Value {
        let c = configuration
        let q = heads(linear(x, layer, "self_attn.q_proj"), c.heads)
        let k = heads(linear(x, layer, "self_attn.k_proj"), c.keyHeads)
        let v = heads(linear(x, layer, "self_attn.v_proj"), c.keyHeads)
        let out = g.attention(
            g.rope(q, cos: rope.cos, sin: rope.sin), g.rope(k, cos: rope.cos, sin: rope.sin), v, window: c.window,
            scale: 1 / Double(c.headSize).squareRoot())
        return linear(g.reshape(out, [.tokens, Dim(c.heads * c.headSize)]), layer, "self_attn.o_proj")
    }

    private func mlp(_ x: Value, _ layer: Int) -> Value {
        let gate = g.unary(.silu, linear(x, layer, "mlp.gate_proj"))
        return linear(g.mul(gate, linear(x, layer, "mlp.up_proj")), layer, "mlp.down_proj")
    }

    private func linear(_ x: Value, _ layer: Int, _ name: String) -> Value {
        let module = "model.layers.\(layer).\(name)"
        let shape = configuration.linears.first { $0.name == name }!
        return sites.linear(g, module: module, x: x) { v in
            let y = g.matmul(v, frozen(module + ".weight", [shape.outputs, shape.inputs]), transposeB: true)
            return shape.hasBias ? g.add(y, frozen(module + ".bias", [shape.outputs])) : y
        }
    }

    private func heads(_ x: Value, _ count: Int) -> Value {
        g.reshape(x, [.tokens, Dim(count), Dim(configuration.headSize)])
    }

    private func norm(_ x: Value, _ name: String) -> Value {
        g.rmsNorm(x, weight: frozen(name + ".weight", [configuration.hiddenSize]), epsilon: configuration.normEpsilon)
    }

    private var embeddings: Value {
        frozen("model.embed_tokens.weight", [configuration.vocabulary, configuration.hiddenSize])
    }

    private func frozen(_ name: String, _ shape: [Int]) -> Value {
        sites.tensor(g, name: name, frozen: g.frozen(name, TensorType(shape.map { Dim($0) })))
    }
}
