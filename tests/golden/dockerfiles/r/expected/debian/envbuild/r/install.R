# Installs packages of R, while the environment is built. Rendered by envbuild.
#
#     Rscript --vanilla install.R SECRETS
#
# SECRETS is the folder with its secrets, each in a file of its name. A package that cannot be had or installed ends it,
# and is named in the last line.
options(warn = 1, timeout = 600, pkgType = "source", install.packages.compile.from.source = "always")
secrets <- commandArgs(trailingOnly = TRUE)[[1L]]
library <- c(.Library.site, .Library)[[1L]]
dir.create(library, showWarnings = FALSE, recursive = TRUE)
.libPaths(library)

version <- "4.2"

# Where packages are looked for that have no repository of their own, and what all of them need.
repositories <- c(
  "https://cran.example.com/all/2026-01-31",
  "https://bioconductor.example.com/packages/3.18/bioc",
  "https://bioconductor.example.com/packages/3.18/data/annotation",
  "https://bioconductor.example.com/packages/3.18/data/experiment"
)

# Each at one version: a source archive, at the first of its URLs that has it.
archives <- list(
  list(what = "tidyr@1.3.0", name = "tidyr", version = "1.3.0",
    urls = c("https://cran.example.com/all/2026-01-31/src/contrib/tidyr_1.3.0.tar.gz", "https://cran.example.com/all/2026-01-31/src/contrib/Archive/tidyr/tidyr_1.3.0.tar.gz"),
    folder = "", sha256 = "", secret = ""),
  list(what = "inhouse@2.0", name = "inhouse", version = "2.0",
    urls = c("https://r.example.com/src/contrib/inhouse_2.0.tar.gz", "https://r.example.com/src/contrib/Archive/inhouse/inhouse_2.0.tar.gz"),
    folder = "", sha256 = "", secret = ""),
  list(what = "team/open@v1.0", name = "", version = "",
    urls = c("https://api.github.com/repos/team/open/tarball/v1.0"),
    folder = "", sha256 = "", secret = ""),
  list(what = "team/closed/pkg@0a1b2c3", name = "", version = "",
    urls = c("https://api.github.com/repos/team/closed/tarball/0a1b2c3"),
    folder = "pkg", sha256 = "", secret = "code"),
  list(what = "https://files.example.com/eps_5.0.tar.gz", name = "", version = "",
    urls = c("https://files.example.com/eps_5.0.tar.gz"),
    folder = "", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", secret = "")
)

# Each at the version that its repository has.
current <- list(
  list(name = "dplyr", from = repositories),
  list(name = "other", from = c("https://r.example.com", repositories)),
  list(name = "limma", from = repositories)
)

fail <- function(what, ...) {
  message("envbuild: ", what, ": ", ...)
  quit(save = "no", status = 1L)
}

has <- function(name) nzchar(system.file(package = name))

# A file, from the first URL that has it.
fetched <- function(one) {
  file <- tempfile(fileext = ".tar.gz")
  headers <- NULL
  if (nzchar(one$secret)) {
    token <- readLines(file.path(secrets, one$secret), n = 1L, warn = FALSE)
    headers <- c(Authorization = paste("Bearer", token))
  }
  why <- character()
  for (url in one$urls) {
    said <- tryCatch(
      {
        download.file(url, file, mode = "wb", method = "libcurl", quiet = TRUE, headers = headers)
        ""
      },
      warning = conditionMessage,
      error = conditionMessage
    )
    if (!nzchar(said)) return(file)
    why <- c(why, said)
  }
  fail(one$what, paste(why, collapse = "; "))
}

sha256 <- function(file) {
  if (exists("sha256sum", asNamespace("tools"))) return(unname(tools::sha256sum(file)))
  program <- Filter(nzchar, Sys.which(c("sha256sum", "shasum")))
  if (!length(program)) fail(file, "nothing here knows SHA-256: neither R, nor 'sha256sum', nor 'shasum'")
  arguments <- if (names(program)[[1L]] == "shasum") c("-a", "256", shQuote(file)) else shQuote(file)
  substr(system2(program[[1L]], arguments, stdout = TRUE)[[1L]], 1L, 64L)
}

needs <- function(told) {
  fields <- intersect(c("Depends", "Imports", "LinkingTo"), names(told))
  every <- trimws(unlist(strsplit(told[fields], ",", fixed = TRUE)))
  own <- rownames(installed.packages(priority = "base"))
  setdiff(sub("[[:space:](].*", "", every), c("R", "", own))
}

# The source of a package, and what it says of itself.
source_of <- function(one) {
  file <- fetched(one)
  if (nzchar(one$sha256) && !identical(sha256(file), one$sha256)) {
    fail(one$what, "its SHA-256 is ", sha256(file), ", and ", one$sha256, " is stated")
  }
  place <- tempfile()
  dir.create(place)
  if (!identical(tryCatch(untar(file, exdir = place), error = function(error) 1L), 0L)) {
    fail(one$what, "it is no archive")
  }
  top <- Filter(dir.exists, list.files(place, full.names = TRUE))
  folder <- if (length(top) == 1L) file.path(top, one$folder) else place
  if (!file.exists(file.path(folder, "DESCRIPTION"))) fail(one$what, "it holds no package")
  told <- read.dcf(file.path(folder, "DESCRIPTION"))[1L, ]
  version <- gsub("-", ".", one$version, fixed = TRUE)
  if (nzchar(one$name) && !identical(told[["Package"]], one$name)) fail(one$what, "it is ", told[["Package"]])
  if (nzchar(version) && !identical(gsub("-", ".", told[["Version"]], fixed = TRUE), version)) {
    fail(one$what, "it is version ", told[["Version"]])
  }
  list(what = one$what, name = told[["Package"]], version = told[["Version"]], folder = folder, needs = needs(told))
}

# A package, and what it needs, at the version that a repository has.
install_current <- function(name, from, what = name) {
  if (!length(from)) fail(what, "it needs ", name, ", and no repository is named")
  install.packages(name, lib = library, repos = from)
  if (!has(name)) {
    whose <- if (what == name) "" else paste0(name, ": ")
    fail(what, whose, "it cannot be had from ", paste(from, collapse = ", "), ", or not be installed")
  }
}

# What a package needs comes before it, at the version that is stated where one is.
install_source <- function(one) {
  if (one$name %in% placed) return(invisible())
  placed <<- c(placed, one$name)
  for (need in one$needs) {
    if (need %in% names(sources)) install_source(sources[[need]])
    else if (!has(need)) install_current(need, repositories, one$what)
  }
  arguments <- c("CMD", "INSTALL", shQuote(paste0("--library=", library)), shQuote(one$folder))
  if (system2(file.path(R.home("bin"), "R"), arguments) != 0L) fail(one$what, "it cannot be installed")
}

if (nzchar(version) && !startsWith(paste0(getRversion(), "."), paste0(version, "."))) {
  fail("R", "it is ", as.character(getRversion()), ", and ", version, " is asked for")
}
sources <- lapply(archives, source_of)
names(sources) <- vapply(sources, function(one) one$name, "")
placed <- character()
for (one in sources) install_source(one)
for (one in current) if (!has(one$name)) install_current(one$name, one$from)

for (one in sources) {
  found <- as.character(packageVersion(one$name))
  wanted <- as.character(package_version(one$version))
  if (found != wanted) fail(one$what, "another package has put ", found, " in its place")
}
for (name in c(names(sources), vapply(current, function(one) one$name, ""))) {
  message("envbuild: ", name, " ", as.character(packageVersion(name)))
}
