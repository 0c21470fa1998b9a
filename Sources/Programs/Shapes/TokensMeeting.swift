extension Graph {
    /// Whether attention is all through which a token's results depend on other tokens. Such a program can go on with a row
    /// from the keys and values of the tokens that it has read; one that averages over a row would have to read all again.
    package var meetsInAttentionOnly: Bool {
        let live = live(from: outputs)
        return nodes.indices.allSatisfy { !live[$0] || ![.rowMean, .rowSum].contains(nodes[$0].op) }
    }
}
