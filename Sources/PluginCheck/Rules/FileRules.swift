extension Rule {
    static let file: [Rule] = []
}
