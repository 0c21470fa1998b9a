/// Where a method can stand in a model. Raw values are the plugin interface's.
package enum SiteKind: Int, CaseIterable, Hashable, Sendable {
    case linear = 0, embedding, prompt, attention, block, weight
}

/// What a site is to its model. Raw values are the plugin interface's.
package enum SiteRole: Int, CaseIterable, Hashable, Sendable {
    case other = 0, query, key, value, attentionOutput, gate, up, down, head, embedding, attention, mlp, norm, bias,
        prompt
}

/// The frozen projections of an attention. Raw values are the plugin interface's.
package enum Projection: Int, CaseIterable, Hashable, Sendable {
    case query = 0, key, value, output
}

/// One place of a model, as a plugin is told of it.
package struct SiteDescription: Hashable, Sendable {
    package var kind: SiteKind
    package var role: SiteRole
    /// Counted from 0; -1 outside the layers.
    package var layer: Int
    /// The module's path in Hugging Face's words: `model.layers.0.self_attn.q_proj`.
    package var module: String
    /// linear: in; embedding: rows of the table; else the hidden size.
    package var inputs: Int
    /// linear: out; else the hidden size.
    package var outputs: Int
    package var hasBias: Bool
    /// attention only: query heads, key heads, head size.
    package var heads: (query: Int, key: Int, size: Int) { (headCount, keyHeadCount, headSize) }
    package var headCount = 0
    package var keyHeadCount = 0
    package var headSize = 0
    /// weight only.
    package var shape: [Int] = []

    package init(
        _ kind: SiteKind, _ role: SiteRole, layer: Int, module: String, inputs: Int, outputs: Int, hasBias: Bool = false
    ) {
        self.kind = kind
        self.role = role
        self.layer = layer
        self.module = module
        self.inputs = inputs
        self.outputs = outputs
        self.hasBias = hasBias
    }
}

/// Sizes of a model that a plugin may ask for.
package struct ModelDescription: Hashable, Sendable {
    /// Hugging Face's `model_type`.
    package var type: String
    package var layers: Int
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var heads: Int
    package var keyHeads: Int
    package var headSize: Int
    package var vocabulary: Int
    package var context: Int

    package init(
        type: String, layers: Int, hiddenSize: Int, intermediateSize: Int, heads: Int, keyHeads: Int, headSize: Int,
        vocabulary: Int, context: Int
    ) {
        self.type = type
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.heads = heads
        self.keyHeads = keyHeads
        self.headSize = headSize
        self.vocabulary = vocabulary
        self.context = context
    }
}
