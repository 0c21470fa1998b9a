extension Rule {
    static let handshake: [Rule] = []
}
