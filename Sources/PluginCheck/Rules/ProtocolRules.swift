extension Rule {
    static let protocols: [Rule] = []
}
