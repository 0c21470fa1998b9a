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
        /// (N, key heads, head size) of each layer: what attention keeps of the tokens, keys turned by their positions.
        package var cache: [(keys: Value, values: Value)]
    }

    package func hidden() -> Hidden {
        let c = configuration
        let angles = g.mul(
            g.reshape(g.cast(g.input(.positions), .f32), [.tokens, 1]),
            g.constant(c.rope.frequencies(headSize: c.headSize), shape: [c.headSize / 2]))
        let rope = (cos: g.unary(.cos, angles), sin: g.unary(.sin, angles))

        let ids = g.input(.tokenIDs)
        var x = sites.embedding(g, module: LlamaConfiguration.embedding, ids: ids, base: embedded)
        x = sites.prompt(g, x: x, rows: embedded)
        var firstBlock = Value.none
        var cache: [(keys: Value, values: Value)] = []
        for layer in 0..<c.layers {
            let prefix = "model.layers.\(layer)."
            let (attended, kept) = attention(norm(x, prefix + "input_layernorm"), layer, rope)
            x = g.add(x, sites.block(g, module: prefix + "self_attn", output: attended, residual: x))
            let fed = mlp(norm(x, prefix + "post_attention_layernorm"), layer)
            x = g.add(x, sites.block(g, module: prefix + "mlp", output: fed, residual: x))
            cache.append(kept)
            if layer == 0 { firstBlock = x }
        }
        return Hidden(firstBlock: firstBlock, last: norm(x, "model.norm"), cache: cache)
    }

    /// The language-model head at some tokens, (M) i32, of h (N, hidden) → (M, vocabulary). A method is asked for all tokens:
    /// what it draws for a token may not depend on which are looked at.
    package func head(_ h: Value, at tokens: Value) -> Value {
        let module = LlamaConfiguration.head
        guard sites.isAdapted(module) else { return frozenHead(g.gather(h, tokens)) }
        return g.gather(sites.linear(g, module: module, x: h, base: frozenHead), tokens)
    }

    /// (…, hidden) → (…, vocabulary)
    private func frozenHead(_ h: Value) -> Value {
        let (name, shape) = ("lm_head.weight", [configuration.vocabulary, configuration.hiddenSize])
        let weight =
            configuration.isTied ? sites.tensor(g, name: name, frozen: embeddings) : frozen(name, shape)
        return g.matmul(h, weight, transposeB: true)
    }

    private func attention(
        _ x: Value, _ layer: Int, _ rope: (cos: Value, sin: Value)
    ) -> (output: Value, cache: (keys: Value, values: Value)) {
        let c = configuration
        let q = heads(linear(x, layer, "self_attn.q_proj"), c.heads)
        let k = heads(linear(x, layer, "self_attn.k_proj"), c.keyHeads)
        let v = heads(linear(x, layer, "self_attn.v_proj"), c.keyHeads)
        let operands = AttentionOperands(
            q: g.rope(q, cos: rope.cos, sin: rope.sin), k: g.rope(k, cos: rope.cos, sin: rope.sin), v: v, input: x)
        let out = sites.attention(
            g, module: "model.layers.\(layer).self_attn", operands, base: frozenAttention(layer))
        let output = linear(g.reshape(out, [.tokens, Dim(c.heads * c.headSize)]), layer, "self_attn.o_proj")
        return (output, (operands.k, v))
    }

    private func frozenAttention(_ layer: Int) -> FrozenAttention {
        let (g, window) = (g, configuration.window)
        let scale = 1 / Double(configuration.headSize).squareRoot()
        return FrozenAttention(
            project: { projection, v in project(projection, v, layer) },
            attend: { g.attention($0, $1, $2, more: $3, window: window, scale: scale) },
            attendSet: { g.attention($0, overSet: $1, $2, scale: scale) })
    }

    /// A frozen projection of an attention.
    package func project(_ projection: Projection, _ v: Value, _ layer: Int) -> Value {
        let names: [Projection: String] = [.query: "q_proj", .key: "k_proj", .value: "v_proj", .output: "o_proj"]
        return frozenLinear(v, layer, "self_attn." + names[projection]!)
    }

    private func mlp(_ x: Value, _ layer: Int) -> Value {
        let gate = g.unary(.silu, linear(x, layer, "mlp.gate_proj"))
        return linear(g.mul(gate, linear(x, layer, "mlp.up_proj")), layer, "mlp.down_proj")
    }

    private func linear(_ x: Value, _ layer: Int, _ name: String) -> Value {
        sites.linear(g, module: "model.layers.\(layer).\(name)", x: x) { frozenLinear($0, layer, name) }
    }

    /// The frozen layer of a linear site.
    package func linear(_ v: Value, _ site: SiteDescription) -> Value {
        if site.role == .head { return frozenHead(v) }
        return frozenLinear(v, site.layer, site.module.split(separator: ".").suffix(2).joined(separator: "."))
    }

    private func frozenLinear(_ v: Value, _ layer: Int, _ name: String) -> Value {
        let module = "model.layers.\(layer).\(name)"
        let shape = configuration.linears.first { $0.name == name }!
        let y = g.matmul(v, frozen(module + ".weight", [shape.outputs, shape.inputs]), transposeB: true)
        return shape.hasBias ? g.add(y, frozen(module + ".bias", [shape.outputs])) : y
    }

    private func heads(_ x: Value, _ count: Int) -> Value {
        g.reshape(x, [.tokens, Dim(count), Dim(configuration.headSize)])
    }

    private func norm(_ x: Value, _ name: String) -> Value {
        g.rmsNorm(x, weight: frozen(name + ".weight", [configuration.hiddenSize]), epsilon: configuration.normEpsilon)
    }

    /// Rows of the embedding table, ids i32 of any shape S → S + (hidden).
    package func embedded(_ ids: Value) -> Value { g.gather(embeddings, ids) }

    private var embeddings: Value {
        frozen(LlamaConfiguration.embedding + ".weight", [configuration.vocabulary, configuration.hiddenSize])
    }

    private func frozen(_ name: String, _ shape: [Int]) -> Value {
        sites.tensor(g, name: name, frozen: g.frozen(name, TensorType(shape.map { Dim($0) })))
    }
}
