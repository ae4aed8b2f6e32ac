"""A store whose files lie in an object store: the same as on disk, against a real S3-compatible server of our own."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import NOW, free_port
from making import assert_cube_agrees, incidents

from analytics.errors import BadInput
from analytics.imports import import_files, undo_last
from analytics.maintenance import backup, compact, restore
from analytics.settings import Settings
from analytics.store import open_store


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """The bucket `lake` on a server of our own, as boto3 sees it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait_for(port)
            resource = boto3.resource(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="reader",
                aws_secret_access_key="not a secret",
            )
            yield resource.create_bucket(Bucket="lake")
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)


@pytest.fixture
def settings(any_settings: Settings, bucket: Any, tmp_path: Path) -> Settings:
    """A new store on each catalogue, its files under a folder of the bucket that is the test's own."""
    return replace(
        any_settings,
        data=f"s3://lake/{tmp_path.name}",
        s3_endpoint=bucket.meta.client.meta.endpoint_url,
        s3_key="reader",
        s3_secret="not a secret",
    )


def keys(bucket: Any, settings: Settings) -> set[str]:
    return {found.key for found in bucket.objects.filter(Prefix=settings.data.removeprefix("s3://lake/"))}


def test_a_store_in_an_object_store_is_imported_into_counted_undone_and_opened_again(
    settings: Settings, bucket: Any, tmp_path: Path
) -> None:
    with closing(open_store(settings)) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}] * 3)], now=NOW)
        (later,) = import_files(store, [incidents(tmp_path / "b.csv", [{"Тема": "Вода"}] * 5)], now=NOW)
        assert (later.new, later.updated) == (2, 3)
    with closing(open_store(settings)) as store:
        assert store.query("select count(*) from complaints where topic = 'Вода'").iloc[0, 0] == 5
        assert_cube_agrees(store)
        assert undo_last(store, now=NOW) == "b.csv"
        assert store.query("select topic from complaints")["topic"].tolist() == ["Отопление"] * 3
        assert_cube_agrees(store)
    assert len(keys(bucket, settings)) > 5
    assert list(tmp_path.rglob("*.parquet")) == []  # none of it lies on this machine


def test_compacting_deletes_from_the_bucket_what_nobody_needs(settings: Settings, bucket: Any, tmp_path: Path) -> None:
    with closing(open_store(replace(settings, keep_days=0))) as store:
        for number in range(4):
            import_files(store, [incidents(tmp_path / f"{number}.csv", [{"ID": str(number)}])], now=NOW)
        before = keys(bucket, settings)
        done = compact(store, now=datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=2))
        assert done["files_after"] < done["files_before"]
        assert len(keys(bucket, settings)) < len(before) / 2
        assert_cube_agrees(store)
        assert store.query("select count(*) from complaints").iloc[0, 0] == 4


def test_a_backup_leads_from_an_object_store_to_a_folder_and_back(settings: Settings, tmp_path: Path) -> None:
    with closing(open_store(settings)) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}] * 3)], now=NOW)
        backup(store, tmp_path / "there.zip")
    folder = Settings(store=str(tmp_path / "folder"))
    assert restore(folder, tmp_path / "there.zip") == 3
    with closing(open_store(folder)) as store:
        backup(store, tmp_path / "back.zip")
    again = replace(settings, store=str(tmp_path / "again"), data=f"{settings.data}-again")
    assert restore(again, tmp_path / "back.zip") == 3
    with closing(open_store(again)) as store:
        assert_cube_agrees(store)


def _no_bucket(settings: Settings) -> Settings:
    return replace(settings, data="s3://no-such-bucket/files")


def _no_server(settings: Settings) -> Settings:
    return replace(settings, s3_endpoint=f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("wrong", [_no_bucket, _no_server])
def test_an_object_store_that_is_not_there_is_one_sentence_soon(
    wrong: Callable[[Settings], Settings], settings: Settings
) -> None:
    began = time.monotonic()
    with pytest.raises(BadInput) as error:
        open_store(wrong(settings))
    assert time.monotonic() - began < 60
    assert error.value.code == "store_unreachable"
    assert "\n" not in str(error.value) and "not a secret" not in str(error.value)
