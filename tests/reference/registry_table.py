"""Which conversation shows which defect or variant of the registry: the answers differ from the clean ones."""

from __future__ import annotations

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "anonymous": (
        "CatalogByAccessLevel",
        "ChallengeWithAnEmptyParameter",
        "ListingHasARightOfItsOwn",
        "RealmOfEachOrganization",
        "ScopeForEachResource",
        "TokensFromBelowItsRoot",
        "TokensOfItsOwn",
        "TokensOfItsOwnInHexadecimalDigits",
    ),
    "at_once": ("PushesAtOnceConflict",),
    "bad_tokens": ("ExpiredRegistryTokenForgiven",),
    "blob": (
        "BlobTypeToldWithItsBytesAlone",
        "BlobsRedirected",
        "NoConditionalRequests",
        "NoRangeRequests",
    ),
    "blob_deleted": ("DeletionsDoneLater",),
    "blob_missing": ("DeleteUnsupported",),
    "blob_of_sha512": (
        "NoSha512",
        "Sha512ToldAsSha256",
    ),
    "catalog": ("CatalogFollowsLater",),
    "chunk_of_other_length": (
        "ContentTypeParameters",
        "ErrorsWithoutDetail",
    ),
    "concealed": ("InsufficientScopeForbidden",),
    "malformed_digests": ("ReferrersMissing",),
    "manifest_deleted": ("TagDeletionUnsupported",),
    "manifest_references": (
        "ForeignLayersRefused",
        "SparseIndexTaken",
    ),
    "many_chunks": ("RangeToldWithItsUnit",),
    "many_sessions": (
        "BasicLogin",
        "DotsResolved",
        "ChunkMinimumTold",
        "HeadersInTitleCase",
        "LocationElsewhere",
        "SessionsElsewhereAlone",
        "NoUploadUuid",
        "RefusedOnceInAWhile",
        "RegistryUnavailableForAMoment",
        "RelativeLocation",
    ),
    "many_tags": ("OwnPageSize",),
    "mount": (
        "MountAnswers202",
        "MountsWhatIsNamedAlone",
    ),
    "mount_from_anywhere": ("MountWithoutSource",),
    "names": (
        "NamesAreSlugsAlone",
        "NamesOfAnyLength",
    ),
    "names_alike": ("SlashesMerged",),
    "narrow_tokens": ("DeletionNeedsPush",),
    "referrers": (
        "ReferrersToldMore",
        "ReferrersGoWithTheirSubject",
        "ReferrersInPages",
        "ReferrersNotFiltered",
    ),
    "single_post": ("SinglePostUnsupported",),
    "support": (
        "ChallengeReordered",
        "SeveralChallenges",
        "SupportCheckTakesNoScope",
        "SupportTellsASampleScope",
    ),
    "tag_list": (
        "LinkAbsolute",
        "AddressesInCapitals",
        "LinkLosesThePageSize",
    ),
    "tag_list_refused": (
        "CodesOfOciAlone",
        "RegistryJsonWrittenOtherwise",
    ),
    "tag_moved": (
        "TagsCannotMove",
        "TagsStay",
    ),
    "tags": ("TagsSortedWithoutCase",),
    "wrong_digest": ("UnknownRepositoryIsNameUnknown",),
}
