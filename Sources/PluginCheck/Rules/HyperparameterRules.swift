extension Rule {
    static let hyperparameters: [Rule] = []
}
